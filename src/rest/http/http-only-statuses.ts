/** Statuses that REST answers although no kind of error has them. docs/reference/errors.md shows the texts. */
export const HTTP_ONLY_STATUSES: Readonly<Record<number, string>> = {
  405: 'The route does not support this method; the header `Allow` lists those that it supports.',
  408: 'The request did not arrive in time.',
  416: 'The file ends before the requested range; the header `Content-Range` has its size.',
  431: 'The headers are too long.',
};
