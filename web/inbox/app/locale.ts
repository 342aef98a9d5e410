/** The language of the texts. */
export const LOCALE = 'en-US';
