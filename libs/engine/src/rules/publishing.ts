import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import type { DocumentVersion, Json } from '@rapport/store';
import {
  EngineError,
  operatorsOf,
  documentVersion,
  type DocumentFile,
  documentsAmong,
  type LoadedDocument,
  type LoadedPlugin,
  referencesOf,
  isLeftOut,
  settingOf,
} from '@rapport/plugin-host';
import { latestDocuments } from '../membership/latest-documents.js';
import { preview, type PreviewReport } from './preview.js';
import { propose, type Proposal } from './proposal.js';
import type { RunSetting } from '../membership/setting.js';

/** Who changes something, and why. Both are kept with the version. */
export interface Change {
  readonly author: string;
  readonly reason: string;
  /** Number of the latest version that the author has seen, 0 for none; default the latest there is. Where another has come since, the change is refused. */
  readonly after?: number;
}
export interface Published {
  readonly version: DocumentVersion;
  /** True when somebody else has to approve of it: it moves more subjects than `rules.approvalShare` allows. It is not in force until then. */
  readonly needsApproval: boolean;
  readonly preview: PreviewReport;
}
/** Documents of the store: versions that are never changed, one of each in force. Changes are in force at once here, and in other processes from their next run or request about rules. */
export interface Publishing {
  /**
   * Brings the loaded documents up to the store's: what another process has published, rolled back or retired since. A run does so by itself, and so do the host's routes of rules. What cannot be in force
   * here is left as it is.
   */
  refresh(): Promise<void>;
  /** Versions of one document (`segment/<id>`), or of all, by key and number, ascending. */
  versions(key?: string): Promise<readonly DocumentVersion[]>;
  /**
   * Throws `RAPPORT_RULES_REFUSED`, `RAPPORT_RULES_ELSEWHERE` for a document that a file or package provides, `RAPPORT_RULES_UNCHANGED`, `RAPPORT_RULES_CHANGE` without author and
   * reason, `RAPPORT_STORE_DOCUMENT_CONFLICT`.
   */
  publish(document: unknown, change: Change): Promise<Published>;
  /** Brings a proposed version into force. Throws `RAPPORT_RULES_VERSION`, `RAPPORT_RULES_APPROVAL` when its author approves of it, and as `publish`. */
  approve(key: string, number: number, change: Change): Promise<DocumentVersion>;
  /** Brings back what was in force before. Needs no approval: it is the way out. Throws `RAPPORT_RULES_VERSION`, and as `publish`. */
  rollback(key: string, number: number, change: Change): Promise<DocumentVersion>;
  /** Takes a document out of force. Throws `RAPPORT_RULES_VERSION`, `RAPPORT_RULES_USED` when another document needs it, and as `publish`. */
  retire(key: string, change: Change): Promise<DocumentVersion>;
}

/** Share of all subjects that one publish may move without a second person, unless `rules.approvalShare` says otherwise. */
const APPROVAL_SHARE = 0.2;
const FROM_STORE = 'store:';
const MOST = { author: 200, reason: 2000 } as const;

const inForce = (versions: readonly DocumentVersion[]): DocumentVersion | null =>
  versions.findLast(({ status }) => status === 'published') ?? null;

/** What is in force of the store's documents, to be loaded beside files and packages. */
export async function storedDocuments(store: Pick<RunSetting['store'], 'documents'>): Promise<readonly DocumentFile[]> {
  return [...(await latestDocuments(store))].flatMap(([key, document]) =>
    document === null ? [] : [{ file: `${FROM_STORE}${key}`, text: JSON.stringify(document) }],
  );
}

const keyOf = ({ kind, id }: SegmentDocument | PlaybookDocument): string => `${kind}/${id}`;
const isStored = ({ name }: LoadedPlugin): boolean => name.startsWith(FROM_STORE);
const loadedAs = ({ plugins }: RunSetting, key: string): LoadedDocument | undefined =>
  documentsAmong(plugins).find(({ document }) => keyOf(document) === key);

type Mutable = { -readonly [K in keyof RunSetting]: RunSetting[K] };
const withdraw = (setting: Mutable, plugin: LoadedPlugin) => {
  setting.plugins = setting.plugins.filter((other) => other !== plugin);
};
const install = (setting: Mutable, { document, plugins }: Proposal) => {
  const name = `${FROM_STORE}${keyOf(document)}`;
  setting.plugins = plugins.map((plugin) =>
    'document' in plugin && plugin.document === document ? { ...plugin, name } : plugin,
  );
};

/** Versions that could not be in force among some plugins: they are not tried again until there are others. */
const notInForce = new WeakMap<readonly LoadedPlugin[], Set<string>>();
function refusedAmong(plugins: readonly LoadedPlugin[]): Set<string> {
  const refused = notInForce.get(plugins) ?? new Set<string>();
  notInForce.set(plugins, refused);
  return refused;
}

async function refresh(setting: Mutable): Promise<void> {
  const stored = await storedDocuments(setting.store);
  const wanted = new Set(stored.map(({ file }) => file));
  for (const plugin of setting.plugins) if (isStored(plugin) && !wanted.has(plugin.name)) withdraw(setting, plugin);
  const refused = refusedAmong(setting.plugins);
  let left = stored
    .map(({ text }) => JSON.parse(text) as SegmentDocument | PlaybookDocument)
    .filter((document) => {
      const loaded = loadedAs(setting, keyOf(document));
      return !loaded || (isStored(loaded) && loaded.version !== documentVersion(document));
    })
    .filter((document) => !refused.has(documentVersion(document)));
  // One may need another that is new as well, so until nothing more can be brought into force.
  for (let before = Infinity; left.length < before;) {
    before = left.length;
    const waiting: typeof left = [];
    for (const document of left) {
      const found = await propose(document, setting);
      if (found.ok) install(setting, found.proposal);
      else waiting.push(document);
    }
    left = waiting;
  }
  for (const document of left) refusedAmong(setting.plugins).add(documentVersion(document));
}

/** Runs what is given to it one after the other, so that nobody works on plugins that another is about to replace. */
function inTurn() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const its = last.then(work, work);
    last = its.catch(() => undefined);
    return its;
  };
}

/** @param setting its `plugins` are replaced */
export function publishingOf(setting: Mutable, proposed: (document: unknown) => Promise<Proposal>): Publishing {
  const { store, clock, config } = setting;
  const { approvalShare = APPROVAL_SHARE } = config.rules ?? {};

  /** The versions there are, after checking that the document is the store's to change. */
  const open = async (key: string, { author, reason }: Change): Promise<readonly DocumentVersion[]> => {
    for (const [name, text] of [
      ['author', author],
      ['reason', reason],
    ] as const)
      if (typeof text !== 'string' || text.trim() === '' || text.length > MOST[name])
        throw new EngineError(
          'RAPPORT_RULES_CHANGE',
          `"${name}" must be a text of 1 to ${String(MOST[name])} characters: who changes this, and why, is kept.`,
        );
    await refresh(setting);
    const [kind, id] = key.split('/', 2) as ['segment' | 'playbook', string];
    if (isLeftOut(settingOf(config, { manifest: { kind, id } }), kind))
      throw new EngineError('RAPPORT_RULES_ELSEWHERE', `${key} is left out by rapport.json. Remove it there first.`);
    const loaded = loadedAs(setting, key);
    if (loaded && !isStored(loaded))
      throw new EngineError(
        'RAPPORT_RULES_ELSEWHERE',
        `${key} is provided by ${loaded.name}. Change it there, or remove it there first.`,
      );
    return store.documents(key);
  };
  const put = (
    key: string,
    versions: readonly DocumentVersion[],
    { author, reason, after }: Change,
    more: Pick<DocumentVersion, 'document' | 'version' | 'status' | 'of'>,
  ) => store.putDocument({ key, author, reason, at: clock.now(), ...more }, after ?? versions.at(-1)?.number ?? 0);
  const numbered = (key: string, versions: readonly DocumentVersion[], number: number): DocumentVersion => {
    const found = versions.find((version) => version.number === number);
    if (found && found.document !== null) return found;
    throw new EngineError(
      'RAPPORT_RULES_VERSION',
      `${key} has no version ${String(number)} with a document. Versions: ${versions.map((version) => version.number).join(', ') || 'none'}.`,
    );
  };
  /** Publishes what another version says. */
  const republish = async (key: string, versions: readonly DocumentVersion[], of: DocumentVersion, change: Change) => {
    const proposal = await proposed(of.document);
    const { document, version, number } = of;
    const kept = await put(key, versions, change, { document, version, status: 'published', of: number });
    install(setting, proposal);
    return kept;
  };

  const next = inTurn();
  const changes: Omit<Publishing, 'refresh' | 'versions'> = {
    async publish(document, change) {
      const { document: checked } = await proposed(document);
      const key = keyOf(checked);
      const versions = await next(() => open(key, change));
      // Once more: what others have published since is known only now.
      const proposal = await proposed(document);
      const { version } = proposal;
      if (inForce(versions)?.version === version)
        throw new EngineError('RAPPORT_RULES_UNCHANGED', `${key} says just that already. Nothing was published.`);
      // May take long, so that nobody waits for it.
      const report = await preview({ ...setting }, proposal, {});
      const needsApproval = report.share > approvalShare;
      const status = needsApproval ? 'proposed' : 'published';
      return next(async () => {
        await open(key, change);
        const latest = await proposed(document);
        const kept = await put(key, versions, change, {
          // A copy: a version is never changed, whatever becomes of the caller's object.
          document: JSON.parse(JSON.stringify(latest.document)) as Json,
          version,
          status,
          of: null,
        });
        if (!needsApproval) install(setting, latest);
        return { version: kept, needsApproval, preview: report };
      });
    },
    async approve(key, number, change) {
      const versions = await open(key, change);
      const of = numbered(key, versions, number);
      if (of.status !== 'proposed' || versions.at(-1) !== of)
        throw new EngineError(
          'RAPPORT_RULES_VERSION',
          `version ${String(number)} of ${key} is not waiting for approval.`,
        );
      if (of.author === change.author)
        throw new EngineError(
          'RAPPORT_RULES_APPROVAL',
          `${change.author} has proposed version ${String(number)} of ${key}; somebody else has to approve of it.`,
        );
      return republish(key, versions, of, change);
    },
    async rollback(key, number, change) {
      const versions = await open(key, change);
      const of = numbered(key, versions, number);
      if (of.status !== 'published')
        throw new EngineError('RAPPORT_RULES_VERSION', `version ${String(number)} of ${key} was never in force.`);
      return republish(key, versions, of, change);
    },
    async retire(key, change) {
      const versions = await open(key, change);
      const loaded = loadedAs(setting, key);
      const latest = inForce(versions);
      if (!latest || latest.document === null)
        throw new EngineError('RAPPORT_RULES_VERSION', `${key} is not in force.`);
      const user = setting.plugins.find(
        (plugin) => 'document' in plugin && referencesOf(plugin.document, operatorsOf(setting.plugins)).includes(key),
      );
      if (user)
        throw new EngineError(
          'RAPPORT_RULES_USED',
          `${key} is needed by ${user.kind}/${user.manifest.id}. Change or retire that one first.`,
        );
      const kept = await put(key, versions, change, {
        document: null,
        version: 'retired',
        status: 'published',
        of: null,
      });
      if (loaded) withdraw(setting, loaded);
      return kept;
    },
  };
  return {
    refresh: () => next(() => refresh(setting)),
    versions: (key) => store.documents(key),
    publish: changes.publish,
    approve: (...given) => next(() => changes.approve(...given)),
    rollback: (...given) => next(() => changes.rollback(...given)),
    retire: (...given) => next(() => changes.retire(...given)),
  };
}
