// Texts in SQL that cannot be bound.

/** A text as SQL writes it, for names that cannot be bound. */
export const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
