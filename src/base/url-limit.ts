/** Maximum length of a URL that the proxy accepts from a user. Longer ones are refused. */
export const MAX_URL_CHARACTERS = 4096;
