import type { Window } from '@rapport/sdk';
import { readTime, type Zone } from '@rapport/sdk/time';
import type { FactUse } from '@rapport/rules';
import { profileFacts } from '@rapport/rules';
import type { Message, Properties } from '@rapport/store';
import { operatorsOf, type LoadedPlugin, type MetricDescriptor } from '@rapport/plugin-host';
import type { WorkspaceConfig } from './config.js';
import { documentsOf, usesOfAll } from './membership/fact-tables.js';
import type { FactTable } from './membership/facts.js';
import { metricsOf } from './measurement/evaluation.js';

/** Values that should be times and cannot be read as one. */
export interface UnreadableTime {
  /** `trait.renewalAt`, or the name of a property of events. */
  readonly name: string;
  /** How many values there are: of events and traits that came in, or of accounts (users) that have one now. */
  readonly count: number;
  /** One of them, as it is in the data; a text that is very long is cut. */
  readonly example: string;
}

/** Names of traits and properties that metrics, rules, profiles or the configuration read as a time. */
export interface TimesRead {
  readonly traits: Readonly<Record<'account' | 'user', ReadonlySet<string>>>;
  readonly properties: ReadonlySet<string>;
}

const isTimeOfTrait = ({ fact, reading }: FactUse) => reading === 'time' && fact.startsWith('trait.');
const traitOf = ({ fact }: FactUse) => fact.slice('trait.'.length);

/** What a metric's measures read as a time. */
function timesOfMetric({ measures }: MetricDescriptor): { readonly traits: string[]; readonly properties: string[] } {
  const [traits, properties]: [string[], string[]] = [[], []];
  const look = (window: Window): void => {
    if (window.kind === 'firstDays') traits.push(window.since.trait);
    if (window.kind === 'before') look(window.of);
  };
  for (const node of Object.values(measures)) {
    if (node.node === 'trait' && node.as === 'time') traits.push(node.name);
    if ('window' in node) look(node.window);
    if ((node.node === 'earliest' || node.node === 'latest') && node.of !== 'time' && node.of.as === 'time')
      properties.push(node.of.property);
    if (node.node === 'spans' && node.spans.effectiveAt !== undefined) properties.push(node.spans.effectiveAt);
  }
  return { traits, properties };
}

/** What is read as a time in a workspace. */
export function timesRead(plugins: readonly LoadedPlugin[], config: WorkspaceConfig): TimesRead {
  const metrics = metricsOf(plugins).map(timesOfMetric);
  const shared = [
    config.signupTrait ?? 'signupAt',
    ...metrics.flatMap(({ traits }) => traits),
    ...Object.values(config.profiles ?? {})
      .flatMap(profileFacts)
      .filter(isTimeOfTrait)
      .map(traitOf),
  ];
  const operators = operatorsOf(plugins);
  const traits = (kind: 'account' | 'user') =>
    new Set([...shared, ...usesOfAll(documentsOf(plugins, kind), operators).filter(isTimeOfTrait).map(traitOf)]);
  return {
    traits: { account: traits('account'), user: traits('user') },
    properties: new Set(metrics.flatMap(({ properties }) => properties)),
  };
}

const LONGEST = 60;
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** Counts values by name, and keeps the first of each as an example. */
function counting() {
  const found = new Map<string, { count: number; readonly example: string }>();
  return {
    add(name: string, value: unknown, count = 1) {
      const known = found.get(name);
      if (known) known.count += count;
      else found.set(name, { count, example: shown(value) });
    },
    /** In the order of their names. */
    all: (): readonly UnreadableTime[] =>
      [...found]
        .map(([name, { count, example }]) => ({ name, count, example }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** Counts of several reports in one. */
export function mergedUnreadable(reports: readonly (readonly UnreadableTime[])[]): readonly UnreadableTime[] {
  const counts = counting();
  for (const { name, example, count } of reports.flat()) counts.add(name, example, count);
  return counts.all();
}

/** What messages carry where a time should be, and is none. */
export function unreadableIn(messages: readonly Message[], read: TimesRead, zone: Zone): readonly UnreadableTime[] {
  const counts = counting();
  const look = (values: Properties, names: ReadonlySet<string>, prefix: string) => {
    for (const name of names) {
      const value = Object.hasOwn(values, name) ? values[name] : null;
      if (value !== null && value !== undefined && readTime(value, zone) === null) counts.add(prefix + name, value);
    }
  };
  for (const { event, traits } of messages) {
    if (event) look(event.properties, read.properties, '');
    if (traits) look(traits.values, read.traits[traits.of], 'trait.');
  }
  return counts.all();
}

/** What the subjects of a table have in the traits that conditions read as a time, and is none. */
export function unreadableFacts(table: FactTable, uses: readonly FactUse[], zone: Zone): readonly UnreadableTime[] {
  const counts = counting();
  for (const fact of new Set(uses.filter(isTimeOfTrait).map(({ fact: name }) => name))) {
    const column = table.columns(fact, 'time');
    if (typeof column === 'function' || column.type !== 'value') continue;
    const { codes, dictionary } = column;
    const unreadable = dictionary.map((value) => readTime(value, zone) === null);
    for (const code of codes) if (unreadable[code]) counts.add(fact, dictionary[code]);
  }
  return counts.all();
}

/** `trait.renewalAt of 12 accounts cannot be read as a time, such as "05/01/2025"`. */
export const unreadableSentence = (
  { name, count, example }: UnreadableTime,
  of: 'account' | 'user' | 'value',
): string =>
  `${name} of ${String(count)} ${of}${count === 1 ? '' : 's'} cannot be read as a time, such as "${example}". Send it as 2026-07-01 or 2026-07-01T09:00:00Z.`;
