import { z } from 'zod';
import { ERROR_KINDS, type ErrorKind } from '../../base/errors.js';
import { HTTP_ONLY_STATUSES } from '../http/http-only-statuses.js';
import { ROUTE_TABLE } from './index.js';
import type { Route, RouteGroup } from './route.js';

/** A JSON schema with the keywords that the route table uses. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
}

type Content = Readonly<Record<string, { readonly schema?: JsonSchema }>>;

export interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: JsonSchema }>>;
  readonly content?: Content;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly 'x-role': string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
    readonly license: object;
  };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

const DESCRIPTION = `The REST interface of chrysproxy: JSON over HTTP, or over HTTPS when the configuration has \`tls\`.

\`HEAD\` works wherever \`GET\` does, and \`OPTIONS\` answers with \`Allow\`. A body is a JSON object of at most 64 KiB in UTF-8; its \`Content-Type\` does not matter. A request that a browser sends for a page of another site is refused unless it is a \`GET\`.

The role of a route (\`x-role\`) is the lowest role that may use it. Roles are not enforced yet: everybody who can connect can use every route. \`tls.require_client_cert\` admits only clients with a certificate.`;

const errorAnswer = z
  .strictObject({
    code: z.int().describe('The HTTP status.'),
    message: z
      .string()
      .describe('What is wrong, with which value, and what is allowed or to do. Passwords are masked.'),
  })
  .meta({ id: 'Error', description: 'The form of every error.' });

/** Errors that all routes with parameters, with a change, or with a body have. */
const USUAL_ERRORS = {
  invalid_argument: 'A parameter or field is not allowed. The message names it, its value and what is allowed.',
  permission_denied: 'A page of another site may not change anything.',
  payload_too_large: 'The body is too long.',
} as const satisfies Partial<Record<ErrorKind, string>>;

const documents = new Map<string, OpenApiDocument>();

/**
 * The route table as an OpenAPI 3.1 document, in which links to other documents are replaced with their names. Made once
 * per process, because making it blocks the thread for tens of milliseconds.
 */
export function openApiDocument(version: string): OpenApiDocument {
  const known = documents.get(version);
  if (known !== undefined) return known;
  const document = makeDocument(version);
  documents.set(version, document);
  return document;
}

function makeDocument(version: string): OpenApiDocument {
  const text = JSON.stringify(describeRoutes(version), (_key, value: unknown) =>
    typeof value === 'string' ? withoutLinks(value) : value,
  );
  return JSON.parse(text) as OpenApiDocument;
}

/** Replaces links that are relative to docs/reference. */
function withoutLinks(markdown: string): string {
  return markdown.replaceAll(
    /\[([^\]\n]+)\]\((\.\.\/)?([^)#\s]*)(?:#[^)\s]*)?\)/g,
    (_link, text: string, up, path: string) => {
      if (path === '') return text;
      return `${text} (docs/${up === undefined ? 'reference/' : ''}${path})`;
    },
  );
}

/** The route table as an OpenAPI 3.1 document, with links that are relative to docs/reference. */
export function describeRoutes(version: string): OpenApiDocument {
  const schemas = new JsonSchemas();
  const paths: Record<string, Record<string, Operation>> = {};
  for (const group of ROUTE_TABLE) {
    for (const [id, route] of Object.entries(group.routes)) {
      const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
      (paths[path] ??= {})[route.method] = operationOf(id, route, group, schemas);
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'chrysproxy',
      version,
      description: DESCRIPTION,
      license: { name: 'GPL-3.0-or-later', identifier: 'GPL-3.0-or-later' },
    },
    tags: ROUTE_TABLE.map(({ title, description }) => ({ name: title, description })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas.components).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}

function operationOf(id: string, route: Route, group: RouteGroup, schemas: JsonSchemas): Operation {
  const parameters = [...parametersOf('path', route.params, schemas), ...parametersOf('query', route.query, schemas)];
  return {
    operationId: id,
    tags: [group.title],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    'x-role': route.role,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.body.optional !== true,
            content: jsonContent(schemas.of(route.body.schema, 'input')),
          },
        }),
    responses: { ...successOf(route, schemas), ...errorsOf(route, schemas) },
  };
}

function parametersOf(where: 'path' | 'query', schema: z.ZodObject | undefined, schemas: JsonSchemas): Parameter[] {
  if (schema === undefined) return [];
  const { properties = {} } = schemas.of(schema, 'input');
  return Object.entries(properties).map(([name, { description = '', ...rest }]) => {
    // A route checks some of its parameters itself, so that its message says more.
    const required = where === 'path' || description.endsWith('Required.');
    return { name, in: where, required, description, schema: rest };
  });
}

function successOf({ answer }: Route, schemas: JsonSchemas): Record<string, Response> {
  const { status, description } = answer;
  if ('schema' in answer) {
    return { [status]: { description, content: jsonContent(schemas.of(answer.schema, 'output')) } };
  }
  if (!('contentType' in answer)) return { [status]: { description } };
  const headers = Object.entries(answer.headers ?? {}).map(
    ([name, text]) => [name, { description: text, schema: { type: 'integer' } }] as const,
  );
  const content = { [answer.contentType]: {} };
  return {
    [status]: { description, ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers) }), content },
    ...(answer.ranges === true ? { 206: { description: 'The requested `Range` of the file.', content } } : {}),
  };
}

function errorsOf(route: Route, schemas: JsonSchemas): Record<string, Response> {
  const kinds: Partial<Record<ErrorKind, string>> = {
    ...((route.params ?? route.query ?? route.body) ? { invalid_argument: USUAL_ERRORS.invalid_argument } : {}),
    ...(route.method === 'get' ? {} : { permission_denied: USUAL_ERRORS.permission_denied }),
    ...(route.body === undefined ? {} : { payload_too_large: USUAL_ERRORS.payload_too_large }),
  };
  for (const [kind, text] of Object.entries(route.errors ?? {}) as [ErrorKind, string][]) {
    kinds[kind] = kinds[kind] === undefined ? text : `${kinds[kind]} ${text}`;
  }
  const content = jsonContent(schemas.of(errorAnswer, 'output'));
  const answers = (Object.entries(kinds) as [ErrorKind, string][]).map(
    ([kind, description]) => [ERROR_KINDS[kind].http, { description, content }] as const,
  );
  const ranges = 'ranges' in route.answer ? [[416, { description: HTTP_ONLY_STATUSES[416], content }]] : [];
  return Object.fromEntries([...answers, ...ranges]) as Record<string, Response>;
}

function jsonContent(schema: JsonSchema): Content {
  return { 'application/json': { schema } };
}

/** JSON schemas of zod schemas. */
class JsonSchemas {
  /** The schemas with an id. A reference takes the place of each. */
  readonly components: Record<string, JsonSchema> = {};
  readonly #converted = new Map<z.ZodType, JsonSchema>();

  /** `input`: what a client sends; `output`: what it gets. */
  of(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const converted = this.#converted.get(schema) ?? this.#convert(schema, io);
    this.#converted.set(schema, converted);
    return converted;
  }

  #convert(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const converted = z.toJSONSchema(schema, { io, override: tidy });
    delete converted.$schema;
    const text = JSON.stringify(converted);
    const { $defs, ...own } = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/')) as Converted;
    Object.assign(this.components, $defs);
    return own;
  }
}

interface Converted extends JsonSchema {
  /** The schemas with an id, also this one if it has one; then the rest is a reference. */
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

/**
 * Leaves out ids, and the limits that every integer has, since JavaScript counts no further. Puts defaults
 * back, which zod leaves out of input that is transformed.
 */
function tidy({ zodSchema, jsonSchema }: Conversion): void {
  delete jsonSchema.id;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  const metadata = z.globalRegistry.get(zodSchema);
  if (metadata?.['default'] !== undefined) jsonSchema.default = metadata['default'];
}

interface Conversion {
  readonly zodSchema: z.core.$ZodType;
  readonly jsonSchema: z.core.JSONSchema.BaseSchema;
}
