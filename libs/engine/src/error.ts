/** An error with a stable code (`RAPPORT_…`), a sentence that names the place, and a way out. */
export class EngineError extends Error {
  constructor(
    readonly code: string,
    sentence: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${sentence}`, options);
    this.name = 'EngineError';
  }
}

/** The message of anything thrown, at most 500 characters. A plugin may throw what it likes, even something whose `message` throws. */
export function messageOf(thrown: unknown): string {
  try {
    const text =
      thrown instanceof Error
        ? `${thrown.name}: ${thrown.message}`
        : typeof thrown === 'string'
          ? thrown
          : (JSON.stringify(thrown) ?? typeof thrown);
    return text.length > 500 ? `${text.slice(0, 499)}…` : text;
  } catch {
    return 'something that cannot be shown';
  }
}
