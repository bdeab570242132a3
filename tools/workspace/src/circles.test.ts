import { posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { circlesAmong } from './circles.js';
import { packages, readText } from './packages.js';

/** The files of the same package that a file imports, types included. */
const importsOf = (file: string, text: string): readonly string[] =>
  ts
    .preProcessFile(text, true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => posix.join(posix.dirname(file), fileName.replace(/\.js$/, '.ts')));

describe('no circle of files, not even of types', () => {
  it.each(packages.map(({ folder, sources }) => [folder, sources] as const))('%s', (_, sources) => {
    const imports = new Map(sources.map((file) => [file, importsOf(file, readText(file))]));
    expect(circlesAmong(imports)).toEqual([]);
  });

  it('finds circles of types, and through several files', () => {
    const files = { a: "import type { B } from './b.js';", b: "export * from './c.js';", c: "import './a.js';", d: '' };
    const imports = new Map(
      Object.entries(files).map(([name, text]) => [`x/${name}.ts`, importsOf(`x/${name}.ts`, text)]),
    );
    expect(circlesAmong(imports)).toEqual([['x/a.ts', 'x/b.ts', 'x/c.ts']]);
  });
});
