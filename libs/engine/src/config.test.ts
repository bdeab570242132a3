import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkConfig, limitsOf, readConfig } from './config.js';

describe('rapport.json', () => {
  it('takes a full configuration as it is', () => {
    const config = {
      workspace: 'acme',
      timeZone: 'Europe/Berlin',
      store: 'duckdb:acme.duckdb',
      accounts: 'users',
      metrics: { csat: false, nps: { window: '90d' } },
      segments: { x: { enabled: false } },
      playbooks: { y: { enabled: true } },
      actions: { webhook: { url: 'https://x' } },
      limits: { metricMs: 1 },
      network: { allowPrivateAddresses: true },
      http: { host: '127.0.0.1', port: 0, apiKey: 'k' },
    };
    expect(checkConfig(config)).toEqual(config);
    expect(limitsOf({ workspace: 'acme', limits: { metricMs: 5 } })).toMatchObject({
      metricMs: 5,
      memoryMb: 1024,
      eventBytes: 32768,
    });
  });

  it.each([
    [
      { workspace: 'a', metrisc: {} },
      'RAPPORT_CONFIG_UNKNOWN_KEY: rapport.json#/metrisc: "metrisc" is not a known key here. Did you mean "metrics"?',
    ],
    [
      { workspace: 'a', limits: { metricsMs: 1 } },
      'RAPPORT_CONFIG_UNKNOWN_KEY: rapport.json#/limits/metricsMs: "metricsMs" is not a known key here. Did you mean "metricMs"?',
    ],
    [
      { workspace: 'a', playbooks: { x: { enable: true } } },
      'RAPPORT_CONFIG_UNKNOWN_KEY: rapport.json#/playbooks/x/enable: "enable" is not a known key here. Did you mean "enabled"?',
    ],
    [{}, 'RAPPORT_CONFIG_INVALID: rapport.json#: "workspace" is missing.'],
    [
      { workspace: 'a', accounts: 'user' },
      'RAPPORT_CONFIG_INVALID: rapport.json#/accounts: must be one of "groups", "users". Did you mean "users"?',
    ],
    [{ workspace: 'a', timeZone: 'Europe/Belrin' }, 'RAPPORT_CONFIG_TIME_ZONE'],
    [
      { workspace: 'a', limits: { memoryMb: '1 GB' } },
      'RAPPORT_CONFIG_INVALID: rapport.json#/limits/memoryMb: must be of the type integer.',
    ],
    [{ workspace: 'a', metrics: { x: true } }, 'RAPPORT_CONFIG_INVALID: rapport.json#/metrics/x'],
    [{ workspace: 'a', store: 'postgres://x' }, 'RAPPORT_CONFIG_INVALID: rapport.json#/store'],
    [[], 'RAPPORT_CONFIG_INVALID'],
  ])('refuses %j', (config, message) => {
    expect(() => checkConfig(config)).toThrow(message);
  });

  it('replaces { "$env": … } wherever a text may stand, and names a variable that is not set', () => {
    const raw = {
      workspace: 'a',
      store: { $env: 'STORE' },
      actions: { webhook: { headers: { authorization: { $env: 'TOKEN' } } } },
    };
    expect(checkConfig(raw, 'rapport.json', { STORE: 'mongodb://h/d', TOKEN: 's3cret' })).toEqual({
      workspace: 'a',
      store: 'mongodb://h/d',
      actions: { webhook: { headers: { authorization: 's3cret' } } },
    });
    expect(() => checkConfig(raw, 'rapport.json', { STORE: 'mongodb://h/d' })).toThrow(
      'RAPPORT_CONFIG_ENV_MISSING: rapport.json#/actions/webhook/headers/authorization asks for the environment variable TOKEN',
    );
    expect(() => checkConfig({ workspace: { $env: 7 } })).toThrow('RAPPORT_CONFIG_ENV: rapport.json#/workspace/$env');
  });

  it('does not repeat a value that may be secret', () => {
    try {
      checkConfig({ workspace: 'a', http: { port: { $env: 'PORT' } }, store: { $env: 'STORE' } }, 'rapport.json', {
        PORT: 'pass:word1',
        STORE: 'pass:word2',
      });
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain('pass:word');
    }
  });

  it('reads files: with a byte order mark, missing, or broken in a line', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'rapport-config-'));
    const file = (name: string, text: string) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    expect(await readConfig(file('bom.json', '\uFEFF{ "workspace": "a" }'))).toEqual({ workspace: 'a' });
    await expect(readConfig(join(dir, 'none.json'))).rejects.toThrow('RAPPORT_CONFIG_NOT_FOUND');
    const broken = readConfig(file('broken.json', '{ "workspace": "a",\n  "http": { "apiKey": "s3cret" "port": 1 } }'));
    await expect(broken).rejects.toThrow(/RAPPORT_CONFIG_JSON: .*broken\.json is not JSON: line 2, column 32/);
    await expect(broken).rejects.not.toThrow('s3cret');
  });
});
