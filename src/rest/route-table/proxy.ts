import { z } from 'zod';
import { time } from './fields.js';
import { BASE, type RouteGroup, type Routes } from './route.js';

const info = z
  .strictObject({
    version: z.string(),
    grpc_port: z.int().nullable().describe('Port of gRPC. null: gRPC does not listen.'),
    time: time("The proxy's clock, milliseconds since the epoch. Ages of frames are relative to it."),
  })
  .meta({ id: 'Info', description: 'Facts about the proxy.' });

const ok = z.literal('ok');

export const proxyRoutes = {
  getInfo: {
    method: 'get',
    path: `${BASE}/info`,
    role: 'viewer',
    summary: 'Show the version, the port of gRPC and the clock',
    answer: { status: 200, description: 'Facts about the proxy.', schema: info },
  },
  getHealth: {
    method: 'get',
    path: '/healthz',
    role: 'public',
    summary: 'Report that the process is alive',
    answer: { status: 200, description: 'It does.', schema: z.strictObject({ status: ok, version: z.string() }) },
  },
  getReadiness: {
    method: 'get',
    path: '/readyz',
    role: 'public',
    summary: 'Report whether the proxy has finished starting',
    answer: { status: 200, description: 'It has.', schema: z.strictObject({ status: ok }) },
    errors: { unavailable: 'It has not; the message says what it waits for.' },
  },
  getRouteList: {
    method: 'get',
    path: '/api',
    role: 'viewer',
    summary: 'List these routes, for a browser',
    answer: { status: 200, description: 'A page.', contentType: 'text/html; charset=utf-8' },
  },
  getOpenApi: {
    method: 'get',
    path: '/api/openapi.json',
    role: 'viewer',
    summary: 'Describe these routes as OpenAPI 3.1',
    answer: {
      status: 200,
      description: 'The document.',
      schema: z.looseObject({ openapi: z.string() }).describe('An OpenAPI document.'),
    },
  },
  getApiDocs: {
    method: 'get',
    path: '/api/docs',
    role: 'viewer',
    summary: 'Browse the description of these routes, and try them',
    description: 'A page for a browser. Its files are below `/api/docs/`.',
    answer: { status: 200, description: 'A page.', contentType: 'text/html; charset=utf-8' },
  },
  getPage: {
    method: 'get',
    path: '/',
    role: 'public',
    summary: 'Show the cameras, for a browser',
    description: 'Its files are below `/portal/`. The page itself shows nothing that other routes do not answer.',
    answer: { status: 200, description: 'A page.', contentType: 'text/html; charset=utf-8' },
  },
} as const satisfies Routes;

export const proxyGroup: RouteGroup = {
  title: 'The proxy itself',
  description: 'Health, version, and the pages for browsers.',
  routes: proxyRoutes,
};
