import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel, type IConfigFile } from '@microsoft/api-extractor';

const quiet = { default: { logLevel: ExtractorLogLevel.None } };

/**
 * The public API of a built package as API Extractor reports it: every export with its types, in order of name. Needs `dist`.
 *
 * @param folder the package's folder, absolute
 * @param typeRoots where `@types/node` is
 */
export function apiReport(folder: string, typeRoots: string): string {
  const scratch = mkdtempSync(join(tmpdir(), 'rapport-api-'));
  try {
    const configObject = {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, 'dist/index.d.ts'),
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2023',
            lib: ['es2023'],
            module: 'nodenext',
            types: ['node'],
            typeRoots: [typeRoots],
            strict: true,
            skipLibCheck: true,
          },
          include: ['dist/index.d.ts'],
        },
      },
      apiReport: { enabled: true, reportFileName: 'report', reportFolder: scratch, reportTempFolder: scratch },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: { extractorMessageReporting: quiet, tsdocMessageReporting: quiet, compilerMessageReporting: quiet },
    } satisfies IConfigFile;
    const config = ExtractorConfig.prepare({
      configObject,
      configObjectFullPath: undefined,
      packageJsonFullPath: join(folder, 'package.json'),
    });
    Extractor.invoke(config, { localBuild: true, messageCallback: (message) => (message.handled = true) });
    return readFileSync(join(scratch, 'report.api.md'), 'utf8');
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const nameOf = (version: string) => `<!-- @rapport/sdk ${version} -->\n`;
/** The report as it is kept beside the current one when that version is released. */
export const releasedReport = (version: string, report: string): string => nameOf(version) + report;

export interface ApiState {
  /** The committed report. */
  readonly report: string;
  /** What the code says. */
  readonly extracted: string;
  /** The committed report of the last release. */
  readonly released: string;
  /** The SDK's version in its `package.json`. */
  readonly version: string;
  /** Texts of the version plans. */
  readonly plans: readonly string[];
}

/**
 * What is wrong with a change of the SDK's public API, as sentences: a report that is not the code's, or that differs from the last release's while no
 * version plan announces at least a minor version. All of it is in the working tree, so that it can be told without tags and history.
 */
export function apiProblems({ report, extracted, released, version, plans }: ApiState): readonly string[] {
  if (report !== extracted) {
    return [
      'libs/sdk/api-report.md is not what the code says; `npm run api` writes it anew, and a version plan goes with it',
    ];
  }
  if (!released.startsWith(nameOf(version))) {
    return [
      `libs/sdk/api-report.released.md is not of version ${version}, which package.json says; \`npm run release\` writes both`,
    ];
  }
  if (released === releasedReport(version, report)) return [];
  const bumps = plans.flatMap((plan) => /^['"]?@rapport\/sdk['"]?:\s*['"]?(\w+)/m.exec(plan)?.[1] ?? []);
  if (bumps.some((bump) => ['minor', 'major', 'preminor', 'premajor'].includes(bump))) return [];
  return [
    `the API of @rapport/sdk differs from that of ${version} (compare libs/sdk/api-report.md with api-report.released.md), and ${
      bumps.length === 0 ? 'no version plan names it' : `its version plan says ${bumps.join(', ')}`
    }; \`npx nx release plan minor --projects=@rapport/sdk\` (major, if something was taken away) announces it`,
  ];
}
