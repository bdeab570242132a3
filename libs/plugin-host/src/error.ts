import { RapportError } from '@rapport/errors';

/** An error of the engine, or of a plugin as the engine tells it. */
export class EngineError extends RapportError {
  override readonly name = 'EngineError';
}

/** What a plugin threw in its worker; the message is the plugin's. */
export class PluginThrew extends Error {}

const shown = (thrown: unknown): string => {
  if (thrown instanceof EngineError || thrown instanceof PluginThrew) return thrown.message;
  if (thrown instanceof Error) return `${thrown.name}: ${thrown.message}`;
  if (typeof thrown === 'string') return thrown;
  return typeof thrown === 'object' && thrown !== null ? JSON.stringify(thrown) : typeof thrown;
};

/** The message of anything thrown, at most 500 characters. A plugin may throw what it likes, even something whose `message` throws. */
export function messageOf(thrown: unknown): string {
  try {
    const text = shown(thrown);
    return text.length > 500 ? `${text.slice(0, 499)}…` : text;
  } catch {
    return 'something that cannot be shown';
  }
}
