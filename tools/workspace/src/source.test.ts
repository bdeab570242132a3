import { describe, expect, it } from 'vitest';
import { codesIn, importedPackages, packageOf } from './source.js';

describe('imports of a source', () => {
  it('finds static, dynamic, type-only and re-exported packages, and nothing of Node or of the package itself', () => {
    const text = `
      import a from 'alpha/sub';
      import type { B } from '@beta/core/deep';
      export * from 'gamma';
      import { join } from 'node:path';
      import './own.js';
      // import 'comment';
      const d = await import('delta');
      type E = import('epsilon').E;
    `;
    expect([...importedPackages(text)].sort()).toEqual(['@beta/core', 'alpha', 'delta', 'epsilon', 'gamma']);
  });

  it('tells the package from the path within it', () => {
    expect(packageOf('@scope/name/deep/path')).toBe('@scope/name');
    expect(packageOf('name/deep')).toBe('name');
    expect(packageOf('../other/src/x.js')).toBeNull();
  });
});

describe('error codes of a source', () => {
  it('reads strings, templates and names, not comments', () => {
    const text =
      "throw new E('RAPPORT_A_ONE', `RAPPORT_B_TWO: ${x}`); env.RAPPORT_HOME; // RAPPORT_C_THREE\ncode.startsWith('RAPPORT_STORE');";
    expect([...codesIn('x.ts', text).whole].sort()).toEqual(['RAPPORT_A_ONE', 'RAPPORT_B_TWO', 'RAPPORT_HOME']);
  });

  it('names a code that is put together from pieces', () => {
    const { whole, pieced } = codesIn('x.ts', 'const code = `RAPPORT_STORE_${reason}`;');
    expect([...whole]).toEqual([]);
    expect([...pieced]).toEqual(['RAPPORT_STORE_${…}']);
    expect([...codesIn('x.ts', 'type Code = `RAPPORT_STORE_${string}`;').pieced]).toEqual([]);
  });
});
