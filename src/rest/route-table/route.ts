import type { z } from 'zod';
import type { ErrorKind } from '../../base/errors.js';

/** Where the routes of the API begin. */
export const BASE = '/api/v1';

export type Method = 'get' | 'post' | 'patch' | 'delete';

/**
 * The lowest role that may use a route, from `public` (no login) up to `admin`. Routes only declare it: nothing enforces
 * it yet.
 */
export const ROLES = ['public', 'viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** The handler returns the value, and the router sends it as JSON. */
interface JsonAnswer {
  readonly status: 200 | 201;
  readonly description: string;
  readonly schema: z.ZodType;
}

interface EmptyAnswer {
  readonly status: 200;
  readonly description: string;
}

/** The handler sends the content. */
interface ContentAnswer {
  readonly status: 200;
  readonly description: string;
  readonly contentType: string;
  /** Additional response headers, and the meaning of each. */
  readonly headers?: Readonly<Record<string, string>>;
  /** True: a `Range` of the file can be requested (206, 416). */
  readonly ranges?: true;
}

interface CheckedBody {
  readonly schema: z.ZodObject;
  /** True: an empty body means `{}`. */
  readonly optional?: true;
}

interface ParsedBody {
  /** Only documents the body. */
  readonly schema: z.ZodType;
  readonly optional?: true;
  /** Checks a body for which the schema alone would not give clear messages. Throws invalid_argument. */
  readonly parse: (value: unknown) => unknown;
}

/** One route of the REST interface: everything that the router, the documents and the clients know about it. */
export interface Route {
  readonly method: Method;
  /** In the notation of Express, with `:name` for parameters. */
  readonly path: string;
  readonly role: Role;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Markdown: what the schemas do not say. */
  readonly description?: string;
  /** Parameters of the path. */
  readonly params?: z.ZodObject;
  /** Parameters of the query; a parameter that is not declared is ignored. */
  readonly query?: z.ZodObject;
  readonly body?: CheckedBody | ParsedBody;
  readonly answer: JsonAnswer | EmptyAnswer | ContentAnswer;
  /** Additional errors of this route, and when they happen. Errors of parameters and bodies need not be listed. */
  readonly errors?: Partial<Record<ErrorKind, string>>;
}

/** Routes by operation id, in the order in which they are matched. */
export type Routes = Readonly<Record<string, Route>>;

/** Routes that the documents show together. */
export interface RouteGroup {
  readonly title: string;
  /** Markdown. */
  readonly description: string;
  readonly routes: Routes;
}

export type OutputOf<R extends Route, K extends 'params' | 'query'> =
  R extends Readonly<Record<K, infer S extends z.ZodType>> ? z.output<S> : undefined;

export type BodyOf<R extends Route> = R extends { readonly body: { readonly parse: (value: unknown) => infer T } }
  ? T
  : R extends { readonly body: { readonly schema: infer S extends z.ZodType } }
    ? z.output<S>
    : undefined;

/** What the handler of a route returns; undefined: it has sent the answer, or there is none. */
export type AnswerOf<R extends Route> = R['answer'] extends { readonly schema: infer S extends z.ZodType }
  ? z.input<S>
  : undefined;
