import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The repository's folder. */
export const repository = join(import.meta.dirname, '../../..');

/** What this repository uses of a `package.json`. */
export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly type?: string;
  readonly private?: boolean;
  readonly keywords?: readonly string[];
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly rapport?: Readonly<Record<string, unknown>>;
}

export interface WorkspacePackage {
  /** Folder relative to the repository, with `/`: `libs/sdk`. */
  readonly folder: string;
  readonly json: PackageJson;
  /** TypeScript sources relative to the repository, tests included. */
  readonly sources: readonly string[];
}

export const readText = (path: string): string => readFileSync(join(repository, path), 'utf8');
export const readJson = (path: string): unknown => JSON.parse(readText(path));
export const isThere = (path: string): boolean => existsSync(join(repository, path));

const built = new Set(['node_modules', 'dist', 'coverage', '.git', '.nx', '.rapport']);
const walk = (folder: string): string[] =>
  readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return built.has(entry.name) ? [] : walk(path);
    return entry.isFile() ? [path] : [];
  });

/** Every file of the repository that a person wrote, as paths relative to it, in order. */
export const writtenFiles: readonly string[] = walk('').sort();

/** Every package of the npm workspaces, in order of folder. */
export const packages: readonly WorkspacePackage[] = writtenFiles
  .filter((path) => /^((apps|libs|tools)\/[^/]+|plugins\/[^/]+\/[^/]+)\/package\.json$/.test(path))
  .map((path) => {
    const folder = dirname(path);
    return {
      folder,
      json: readJson(path) as PackageJson,
      sources: writtenFiles.filter((file) => file.startsWith(`${folder}/src/`) && file.endsWith('.ts')),
    };
  });

/** `x.test.ts`, and what only a test needs beside it, such as `x.test.fixture.ts`. */
export const isTest = (source: string): boolean => /\.test(\.[^./]+)?\.ts$/.test(source);
export const isOfRapport = (name: string): boolean => name.startsWith('@rapport/');
