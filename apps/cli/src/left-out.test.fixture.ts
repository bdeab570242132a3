import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const installed = readdirSync(fileURLToPath(new URL('../../../node_modules/@rapport', import.meta.url)));
/** Every installed plugin of a kind but those named is left out, so that the workspace opens fast. */
export const without = (kind: string, ...kept: readonly string[]) =>
  Object.fromEntries(
    installed
      .filter((name) => name.startsWith(`${kind}-`))
      .map((name) => name.slice(kind.length + 1))
      .filter((id) => !kept.includes(id))
      .map((id) => [id, false]),
  );
