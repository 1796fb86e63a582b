/** The product's own version; the API's version is the server's matter. */
export const VERSION = '0.1.0';
