import { existsSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';

type JsonObject = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function targets(exported: unknown, conditions: ReadonlySet<string>): readonly string[] {
  if (typeof exported === 'string') return [exported];
  if (Array.isArray(exported)) return exported.flatMap((item) => targets(item, conditions));
  if (!isObject(exported)) return [];
  return Object.entries(exported).flatMap(([condition, target]) =>
    conditions.has(condition) ? targets(target, conditions) : [],
  );
}

/**
 * The file that importing a package by name would load, found from its `exports` (or `main`) without resolving from anywhere else: a plugin need not
 * be reachable from the engine's own folder. Null when there is none inside the package.
 *
 * @param source take the TypeScript source where the package has one
 */
export function entryOf(dir: string, json: JsonObject, source: boolean): string | null {
  const conditions = new Set(['node', 'import', 'module-sync', 'default', ...(source ? ['@rapport/source'] : [])]);
  const { exports, main } = json;
  const root = isObject(exports) && Object.keys(exports).some((key) => key.startsWith('.')) ? exports['.'] : exports;
  const candidates =
    exports === undefined ? [typeof main === 'string' ? main : 'index.js', 'index.js'] : targets(root, conditions);
  for (const candidate of candidates) {
    const path = join(dir, candidate);
    if (existsSync(path) && realpathSync(path).startsWith(realpathSync(dir) + sep)) return path;
  }
  return null;
}
