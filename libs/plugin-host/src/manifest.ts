import { Ajv } from 'ajv';
import semver from 'semver';
import type { Manifest, PluginKind } from '@rapport/sdk';
import { problemsOf } from '@rapport/rules';
import type { FoundPackage } from './discovery.js';
import type { RefusedPlugin } from './loaded-plugin.js';

/** A package whose manifest is in order. */
export interface Candidate {
  readonly name: string;
  readonly version: string;
  readonly dir: string;
  readonly json: Readonly<Record<string, unknown>>;
  readonly manifest: Manifest;
}
export const keyOf = (plugin: { readonly manifest: Pick<Manifest, 'kind' | 'id'> }): string =>
  `${plugin.manifest.kind}/${plugin.manifest.id}`;

const schema = {
  type: 'object',
  required: ['name', 'version', 'rapport'],
  properties: {
    name: { type: 'string', minLength: 1 },
    version: { type: 'string' },
    rapport: {
      type: 'object',
      required: ['kind', 'id', 'sdk'],
      additionalProperties: false,
      properties: {
        kind: { enum: ['metric', 'segment', 'playbook', 'action', 'operator'] },
        id: { type: 'string', pattern: '^[a-z][a-z0-9-]{0,63}$' },
        sdk: { type: 'string', minLength: 1 },
        requires: { type: 'object', additionalProperties: { type: 'string', minLength: 1 } },
      },
    },
  },
} as const;
const validate = new Ajv({ allErrors: true, verbose: true }).compile<{
  name: string;
  version: string;
  rapport: Manifest;
}>(schema);

/** Splits a requirement's name: `kind/id`, or a bare id for a metric. Null for neither. */
export function requirementKey(name: string): string | null {
  const match = /^(?:(metric|segment|playbook|action|operator)\/)?([a-z][a-z0-9-]*)$/.exec(name);
  return match ? `${(match[1] as PluginKind | undefined) ?? 'metric'}/${match[2] ?? ''}` : null;
}

/** Checks a package's manifest and that it was written for this SDK. Codes: `RAPPORT_PLUGIN_MANIFEST`, `RAPPORT_PLUGIN_SDK`. */
export function checkManifest(found: FoundPackage, sdk: string): Candidate | RefusedPlugin {
  const refuse = (code: string, message: string): RefusedPlugin => ({
    name: found.name,
    code,
    message: `${found.name} (${found.dir}): ${message}`,
  });
  const json: unknown = found.json;
  if (!found.json)
    return refuse('RAPPORT_PLUGIN_MANIFEST', 'there is no readable package.json. Give the folder of a plugin package.');
  if (!validate(json)) {
    const [problem = { pointer: '', message: 'is not valid.' }] = problemsOf(validate.errors ?? [], '');
    return refuse(
      'RAPPORT_PLUGIN_MANIFEST',
      `package.json#${problem.pointer}: ${problem.message} Correct the manifest.`,
    );
  }
  const { name, version, rapport: manifest } = json;
  if (semver.valid(version) === null)
    return refuse(
      'RAPPORT_PLUGIN_MANIFEST',
      `package.json#/version: "${version}" is not a semantic version. Write one such as 1.0.0.`,
    );
  if (semver.validRange(manifest.sdk) === null)
    return refuse(
      'RAPPORT_PLUGIN_MANIFEST',
      `package.json#/rapport/sdk: "${manifest.sdk}" is not a version range. Write one such as "^1.0.0".`,
    );
  for (const [required, range] of Object.entries(manifest.requires ?? {})) {
    if (requirementKey(required) === null)
      return refuse(
        'RAPPORT_PLUGIN_MANIFEST',
        `package.json#/rapport/requires: "${required}" is neither a metric's id nor "kind/id".`,
      );
    if (semver.validRange(range) === null)
      return refuse(
        'RAPPORT_PLUGIN_MANIFEST',
        `package.json#/rapport/requires/${required}: "${range}" is not a version range. Write one such as "^1.0.0".`,
      );
  }
  if (!semver.satisfies(sdk, manifest.sdk, { includePrerelease: true })) {
    return refuse(
      'RAPPORT_PLUGIN_SDK',
      `it was written for @rapport/sdk ${manifest.sdk}; here is ${sdk}. Install a version of the plugin for this SDK, or update Rapport. Its author can run "rapport plugin migrate".`,
    );
  }
  return { name, version, dir: found.dir, json: found.json, manifest };
}
