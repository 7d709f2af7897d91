import { describeRoutes, type JsonSchema, type Operation } from '../../src/rest/route-table/openapi.js';
import type { GeneratedFile } from './generated-file.js';
import { GENERATED_NOTE, table } from './markdown.js';

const SCHEMA = '#/components/schemas/';

interface PlacedOperation extends Operation {
  readonly method: string;
  readonly path: string;
}

/** docs/reference/rest.md. */
export function restPage(): GeneratedFile {
  const document = describeRoutes('');
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
  const groups = document.tags.map(({ name, description }) =>
    groupText(
      name,
      description,
      operations.filter(({ tags }) => tags.includes(name)),
    ),
  );
  const text = `${GENERATED_NOTE}

# REST

${document.info.description}

The default address is \`http://127.0.0.1:8080\`: \`host\` and \`port\` of the configuration. [openapi.json](openapi.json) is this page for programs; the proxy serves it at \`/api/openapi.json\`, and shows it at \`/api/docs\`.

${groups.join('\n\n')}

## Objects

${Object.entries(document.components.schemas)
  .map(([name, schema]) => `### ${name}\n\n${paragraphs(schema.description, fieldTable(schema))}`)
  .join('\n\n')}

## Errors and limits

Every error is an [Error](#error); [errors](errors.md) lists the statuses.

A request must send its headers (at most 16 KiB, and 100 of them) within 10 s, and everything within 30 s. A connection that is idle for 60 s is closed, and at most 1024 connections are open at a time.
`;
  return { path: 'docs/reference/rest.md', text };
}

function groupText(title: string, description: string, operations: readonly PlacedOperation[]): string {
  const rows = operations.map(({ method, path, summary, operationId, 'x-role': role }) => [
    `[\`${method} ${path}\`](#${operationId.toLowerCase()})`,
    summary,
    role,
  ]);
  return [
    `## ${title}`,
    description,
    table(['route', 'what it does', 'role'], rows),
    ...operations.map(operationText),
  ].join('\n\n');
}

function operationText(operation: PlacedOperation): string {
  const { operationId, method, path, summary, description, parameters = [], requestBody, responses } = operation;
  const rows = parameters.map(({ name, in: where, required, description: text, schema }) => [
    `\`${name}\``,
    where,
    typeText(schema),
    [text, required || schema.default === undefined ? '' : `Default: \`${JSON.stringify(schema.default)}\`.`]
      .filter((part) => part !== '')
      .join(' '),
  ]);
  const body = requestBody?.content['application/json']?.schema;
  return paragraphs(
    `### ${operationId}`,
    `\`${method} ${path}\`: ${summary}.`,
    description,
    rows.length === 0 ? undefined : table(['parameter', 'in', 'type', 'meaning'], rows),
    body && `Body${requestBody.required ? '' : ' (optional)'}: ${typeText(body)}`,
    body && fieldTable(body),
    table(['status', 'body', 'meaning'], Object.entries(responses).map(responseRow)),
    ...Object.values(responses).map(({ content }) => inlineFields(content?.['application/json']?.schema)),
  );
}

function responseRow([status, { description, content = {}, headers = {} }]: [string, Operation['responses'][string]]) {
  const [[type, { schema }] = ['', {}]] = Object.entries(content) as [string, { schema?: JsonSchema }][];
  const body = schema === undefined ? (type === '' ? 'empty' : `\`${type}\``) : typeText(schema);
  const named = Object.entries(headers).map(([name, header]) => `\`${name}\`: ${header.description}`);
  return [status, body, [description, ...named].join(' ')];
}

/** The fields of an object that has no name of its own. */
function inlineFields(schema: JsonSchema | undefined): string | undefined {
  return schema?.$ref === undefined ? schema && fieldTable(schema) : undefined;
}

/** Undefined when there are no fields to show. */
function fieldTable(schema: JsonSchema): string | undefined {
  const rows = fieldRows(schema, '');
  return rows.length === 0 ? undefined : table(['field', 'type', 'meaning'], rows);
}

/** Fields, and the fields of objects without a name below them. Leaves out fields that are only ignored. */
function fieldRows(schema: JsonSchema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    if (Object.keys(field).length === 0) return [];
    const isOptional = !(schema.required ?? []).includes(name);
    const own = [
      `\`${prefix}${name}\``,
      `${typeText(field)}${isOptional ? ', optional' : ''}`,
      field.description ?? '',
    ];
    const list = field.items?.properties === undefined ? undefined : field.items;
    const inner = field.anyOf?.find(({ properties }) => properties !== undefined) ?? list ?? field;
    return [own, ...fieldRows(inner, `${prefix}${name}${list === undefined ? '' : '[]'}.`)];
  });
}

function typeText(schema: JsonSchema): string {
  const { $ref, anyOf, items, properties } = schema;
  if ($ref !== undefined) return refText($ref);
  if (anyOf !== undefined) return anyOf.map(typeText).join(' or ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (items !== undefined) return `list of ${typeText(items)}`;
  if (properties !== undefined) return 'object';
  const name = schema.type === undefined ? 'any' : [schema.type].flat().join(' or ');
  return `${name}${limitsText(schema)}`;
}

function refText(ref: string): string {
  const name = ref.slice(SCHEMA.length);
  return `[${name}](#${name.toLowerCase()})`;
}

function limitsText({ minimum, maximum, minLength, maxLength }: JsonSchema): string {
  if (maximum !== undefined) return `, ${minimum ?? 0} to ${maximum}`;
  if (maxLength !== undefined) return `, ${minLength ?? 0} to ${maxLength} characters`;
  return '';
}

function paragraphs(...texts: readonly (string | undefined)[]): string {
  return texts.filter((text) => text !== undefined && text !== '').join('\n\n');
}
