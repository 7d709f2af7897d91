/** Statuses of HTTP alone, which no kind of error maps to. */
export const HTTP_TEXTS: Readonly<Record<number, string>> = {
  405: 'The route does not know this method; `Allow` names those that it knows.',
  408: 'The request did not arrive in time.',
  416: 'The file ends before the range that is asked for; `Content-Range` tells its length.',
  431: 'The headers are too long.',
};
