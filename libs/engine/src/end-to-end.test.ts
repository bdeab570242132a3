import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, symlinkSync, mkdirSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, JUNE, playbookCode, pluginFolder, track } from './plugin-packages.test.fixture.js';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
/** Compiled, as it is installed: `npm test` builds first. So this is also the proof that the worker starts from JavaScript. */
const compiled = fileURLToPath(new URL('../dist/delivery-child.test.fixture.js', import.meta.url));
const SECRET = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

describe('a transition, from events in DuckDB to a signed request, through kill -9', () => {
  const folder = pluginFolder();
  const data = mkdtempSync(join(tmpdir(), 'rapport-end-to-end-'));
  const received: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.end('ok');
    });
  });
  let url = '';

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    // The plugins of this repository, as installed ones.
    mkdirSync(join(folder.root, 'node_modules/@rapport'), { recursive: true });
    for (const [name, dir] of [
      ['metric-usage-frequency', 'plugins/metrics/usage-frequency'],
      ['action-webhook', 'plugins/actions/webhook'],
    ]) {
      symlinkSync(join(repository, dir!), join(folder.root, 'node_modules/@rapport', name!));
    }
    folder.add('playbook', 'alarm', {
      code: playbookCode('alarm', {
        trigger: { when: { fact: 'usage-frequency', operator: 'equal', value: 0 } },
        steps: [{ id: 'notify', action: 'webhook', with: { type: 'usage.stopped' } }],
      }),
    });
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    folder.remove();
    rmSync(data, { recursive: true, force: true });
  });

  /** Runs the child; kills it with SIGKILL after the step named by `stop`. Returns what it printed. */
  const child = (task: {
    readonly asOf: number;
    readonly calls?: readonly unknown[];
    readonly stop?: string;
  }): Promise<string> =>
    new Promise((resolve, reject) => {
      const input = JSON.stringify({ path: join(data, 'w.duckdb'), root: folder.root, url, calls: [], ...task });
      const started = spawn(process.execPath, [compiled, input], { cwd: repository });
      let printed = '';
      let errors = '';
      started.stdout.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
        if (task.stop !== undefined && printed.includes(`${task.stop}\n`)) started.kill('SIGKILL');
      });
      started.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
      started.on('exit', (code) => {
        if (code === 0 || task.stop !== undefined) resolve(printed);
        else reject(new Error(errors));
      });
    });

  it('sends exactly one request, whenever the process was killed, and however often it is run again', async () => {
    expect(existsSync(compiled), 'run "npx tsc -b" first').toBe(true);
    const calls = Array.from({ length: 20 }, (_, day) => track('acme', JUNE - day * DAY - DAY));
    expect(await child({ asOf: JUNE, calls })).toContain('"deliveries":0');

    // The account falls silent. Killed before the run, the run is as if it never began; killed after it, the delivery is in the outbox.
    const later = JUNE + 20 * DAY;
    await child({ asOf: later, stop: 'ingested' });
    expect(await child({ asOf: later, stop: 'ran' })).toContain('{"deliveries":1,"transitions":1}');
    expect(received).toEqual([]);
    const sent = await child({ asOf: later, stop: 'sent' });
    expect(sent).toContain('{"deliveries":0,"transitions":0}');
    expect(sent).toContain('{"delivered":1,"retried":0,"parked":0}');
    expect(await child({ asOf: later })).toContain('{"delivered":0,"retried":0,"parked":0}');

    expect(received).toHaveLength(1);
    const { headers, body } = received[0]!;
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    const signature = createHmac('sha256', Buffer.from(SECRET, 'base64')).update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${signature}`);
    expect(JSON.parse(body)).toMatchObject({
      type: 'usage.stopped',
      data: {
        playbook: { id: 'alarm', version: '1.0.0' },
        step: 'notify',
        subject: { kind: 'account', id: 'acme' },
        transition: {
          segment: 'playbook.alarm',
          change: 'enter',
          reason: 'usage-frequency 0 = 0',
          facts: { 'usage-frequency': 0 },
        },
      },
    });
  });
});
