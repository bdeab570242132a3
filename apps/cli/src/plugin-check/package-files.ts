import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { finding, isObject, type Finding, type JsonObject } from './finding.js';

const textOf = (dir: string, file: string): string | null =>
  existsSync(join(dir, file)) ? readFileSync(join(dir, file), 'utf8') : null;

/** What whoever installs the package, or looks at it, goes by: its `package.json`, README and CHANGELOG. */
export function packageFindings(dir: string, json: JsonObject): readonly Finding[] {
  return [...manifestFindings(json), ...readmeFindings(textOf(dir, 'README.md')), ...changelogFindings(dir, json)];
}

/** The README, or an empty text. */
export const readmeOf = (dir: string): string => textOf(dir, 'README.md') ?? '';

function manifestFindings(json: JsonObject): readonly Finding[] {
  const { keywords, license, rapport } = json;
  const section = (name: string): JsonObject => (isObject(json[name]) ? json[name] : {});
  const found: Finding[] = [];
  if (!Array.isArray(keywords) || !keywords.includes('rapport-plugin')) {
    const message = 'Rapport finds plugins by the keyword "rapport-plugin", which is not there. Add it.';
    found.push(finding('RAPPORT_CHECK_KEYWORD', 'package.json#/keywords', message));
  }
  if (typeof license !== 'string' || license === '') {
    const message = 'Nobody can tell what may be done with it. Write an SPDX id such as "MIT", or "UNLICENSED".';
    found.push(finding('RAPPORT_CHECK_LICENSE', 'package.json#/license', message));
  }
  const sdk = isObject(rapport) ? rapport['sdk'] : undefined;
  const peer = section('peerDependencies')['@rapport/sdk'];
  if (peer !== sdk || '@rapport/sdk' in section('dependencies')) {
    const message = `The SDK is the host's: it is a peer dependency, with the manifest's range. Write "@rapport/sdk": "${typeof sdk === 'string' ? sdk : '^2.0.0'}" there, and nowhere else.`;
    found.push(finding('RAPPORT_CHECK_PEER', 'package.json#/peerDependencies', message));
  }
  return found;
}

function readmeFindings(readme: string | null): readonly Finding[] {
  if (readme === null) {
    const message =
      'There is no README. Say what the plugin is for, where its definition comes from, and what each option means.';
    return [finding('RAPPORT_CHECK_README', 'README.md', message)];
  }
  if (/^(```|~~~)/m.test(readme)) return [];
  const message = 'It has no example. Show one in a fenced block: a configuration, or events and what comes of them.';
  return [finding('RAPPORT_CHECK_EXAMPLE', 'README.md', message)];
}

function changelogFindings(dir: string, { version }: JsonObject): readonly Finding[] {
  const changelog = textOf(dir, 'CHANGELOG.md');
  const named = typeof version === 'string' ? version.replaceAll('.', '\\.') : '';
  if (changelog !== null && new RegExp(`^## \\[?${named}`, 'm').test(changelog)) return [];
  const message = `It ${changelog === null ? 'is not there' : `has no heading "## ${String(version)}"`}. Say what this version brings.`;
  return [finding('RAPPORT_CHECK_CHANGELOG', 'CHANGELOG.md', message)];
}
