/** How one value is read in one time zone. */
export interface TimeReading {
  readonly value: string | number;
  readonly zone: string;
  /** What it is; null where it cannot be read. */
  readonly kind: 'instant' | 'day' | null;
  /** First instant of it, and where it is over, in UTC as `Date` writes them; equal for an instant. Null where it cannot be read. */
  readonly from: string | null;
  readonly until: string | null;
}

const instant = (value: string | number, zone: string, at: string): TimeReading => ({
  value,
  zone,
  kind: 'instant',
  from: at,
  until: at,
});
const day = (value: string, zone: string, from: string, until: string): TimeReading => ({
  value,
  zone,
  kind: 'day',
  from,
  until,
});
const unreadable = (value: string | number): TimeReading => ({
  value,
  zone: 'Europe/Berlin',
  kind: null,
  from: null,
  until: null,
});

/**
 * Times as data has them, and how each is read. Every part of Rapport that reads times is tested with this table, so that all of them agree.
 * For tests only.
 */
export const timeReadings: readonly TimeReading[] = [
  // Notations of one instant.
  instant('2026-07-01T09:30:00Z', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01t09:30:00z', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01 09:30:00Z', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01 09:30:00 UTC', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01T09:30:00UTC', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01T09:30Z', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01T15:00:00+05:30', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01T15:00:00+0530', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01 09:30:00+00', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01 02:30:00 -0700', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01 06:00-03:30', 'Asia/Tokyo', '2026-07-01T09:30:00.000Z'),
  // Fractions of a second, as Python, Postgres and Java write them, are cut off after milliseconds.
  instant('2026-07-01T00:00:00.000000+00:00', 'UTC', '2026-07-01T00:00:00.000Z'),
  instant('2026-07-01T00:00:00.1Z', 'UTC', '2026-07-01T00:00:00.100Z'),
  instant('2026-07-01T00:00:00.12Z', 'UTC', '2026-07-01T00:00:00.120Z'),
  instant('2026-07-01T00:00:00.123Z', 'UTC', '2026-07-01T00:00:00.123Z'),
  instant('2026-07-01T00:00:00.1239Z', 'UTC', '2026-07-01T00:00:00.123Z'),
  instant('2026-07-01 00:00:00.123456+00', 'UTC', '2026-07-01T00:00:00.123Z'),
  instant('2026-07-01T00:00:00.999999999Z', 'UTC', '2026-07-01T00:00:00.999Z'),
  instant('2026-07-01T00:00:00,5Z', 'UTC', '2026-07-01T00:00:00.500Z'),
  // One millisecond to either side of a day's edge.
  instant('2026-02-28T23:59:59.999Z', 'UTC', '2026-02-28T23:59:59.999Z'),
  instant('2026-03-01T00:00:00.000Z', 'UTC', '2026-03-01T00:00:00.000Z'),
  instant('1969-12-31T23:59:59.999Z', 'UTC', '1969-12-31T23:59:59.999Z'),
  // Without an offset it is the workspace's wall clock.
  instant('2026-07-01T09:30:00', 'UTC', '2026-07-01T09:30:00.000Z'),
  instant('2026-07-01T09:30:00', 'America/Los_Angeles', '2026-07-01T16:30:00.000Z'),
  instant('2026-01-01 09:30', 'America/Los_Angeles', '2026-01-01T17:30:00.000Z'),
  instant('2026-07-01 09:30:00.123456', 'Asia/Kathmandu', '2026-07-01T03:45:00.123Z'),
  // An hour that the clocks skip, one that they show twice, and what lies next to them.
  instant('2026-03-29T01:59:59.999', 'Europe/Berlin', '2026-03-29T00:59:59.999Z'),
  instant('2026-03-29T02:00', 'Europe/Berlin', '2026-03-29T01:00:00.000Z'),
  instant('2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'),
  instant('2026-03-29T03:00', 'Europe/Berlin', '2026-03-29T01:00:00.000Z'),
  instant('2026-10-25T01:59:59.999', 'Europe/Berlin', '2026-10-24T23:59:59.999Z'),
  instant('2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'),
  instant('2026-10-25T02:30+01:00', 'Europe/Berlin', '2026-10-25T01:30:00.000Z'),
  instant('2026-10-25T03:00', 'Europe/Berlin', '2026-10-25T02:00:00.000Z'),
  instant('2026-04-05T01:45', 'Australia/Lord_Howe', '2026-04-04T14:45:00.000Z'),
  // Numbers are epoch milliseconds, also where seconds were meant.
  instant(1_767_225_600_000, 'America/Los_Angeles', '2026-01-01T00:00:00.000Z'),
  instant(1_767_225_600_000.75, 'UTC', '2026-01-01T00:00:00.000Z'),
  instant(-0.5, 'UTC', '1969-12-31T23:59:59.999Z'),
  instant(0, 'UTC', '1970-01-01T00:00:00.000Z'),
  instant(1_767_225_600, 'UTC', '1970-01-21T10:53:45.600Z'),
  // Days of 24, 23, 25 and 24½ hours.
  day('2026-07-01', 'UTC', '2026-07-01T00:00:00.000Z', '2026-07-02T00:00:00.000Z'),
  day('2026-07-01', 'America/Los_Angeles', '2026-07-01T07:00:00.000Z', '2026-07-02T07:00:00.000Z'),
  day('2026-07-01', 'Pacific/Kiritimati', '2026-06-30T10:00:00.000Z', '2026-07-01T10:00:00.000Z'),
  day('2026-07-01', 'Asia/Kathmandu', '2026-06-30T18:15:00.000Z', '2026-07-01T18:15:00.000Z'),
  day('2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'),
  day('2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'),
  day('2026-04-05', 'Australia/Lord_Howe', '2026-04-04T13:00:00.000Z', '2026-04-05T13:30:00.000Z'),
  // Days that begin with the change of the clocks, because it skips midnight; and one whose midnight comes twice.
  day('2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z', '2018-11-05T02:00:00.000Z'),
  day('2024-04-26', 'Africa/Cairo', '2024-04-25T22:00:00.000Z', '2024-04-26T21:00:00.000Z'),
  day('2022-03-27', 'Asia/Beirut', '2022-03-26T22:00:00.000Z', '2022-03-27T21:00:00.000Z'),
  day('2024-11-03', 'America/Havana', '2024-11-03T04:00:00.000Z', '2024-11-04T05:00:00.000Z'),
  // A day that a zone does not have is over as it begins.
  day('2011-12-29', 'Pacific/Apia', '2011-12-29T10:00:00.000Z', '2011-12-30T10:00:00.000Z'),
  day('2011-12-30', 'Pacific/Apia', '2011-12-30T10:00:00.000Z', '2011-12-30T10:00:00.000Z'),
  day('2011-12-31', 'Pacific/Apia', '2011-12-30T10:00:00.000Z', '2011-12-31T10:00:00.000Z'),
  // Leap days, ends of months and years.
  day('2024-02-29', 'UTC', '2024-02-29T00:00:00.000Z', '2024-03-01T00:00:00.000Z'),
  day('2000-02-29', 'UTC', '2000-02-29T00:00:00.000Z', '2000-03-01T00:00:00.000Z'),
  day('2026-01-31', 'America/New_York', '2026-01-31T05:00:00.000Z', '2026-02-01T05:00:00.000Z'),
  day('2026-12-31', 'America/New_York', '2026-12-31T05:00:00.000Z', '2027-01-01T05:00:00.000Z'),
  // What is no time.
  ...[
    '2026-02-29',
    '1900-02-29',
    '2026-02-30',
    '2026-04-31',
    '2026-13-01',
    '2026-00-10',
    '2026-01-00',
    '2026-1-1',
    '26-01-01',
    '01/05/2026',
    '05.01.2026',
    '20260105',
    '2026-W01',
    '2026-01',
    '2026',
    '2026-01-05T',
    '2026-01-05T10',
    '2026-01-05T24:00',
    '2026-01-05T10:60',
    '2026-01-05T10:00:60',
    '2026-01-05T10:00.5',
    '2026-01-05T10:00:00.',
    '2026-01-05T10:00:00+24:00',
    '2026-01-05T10:00:00+05:60',
    '2026-01-05T10:00:00+5',
    '2026-01-05T10:00:00 CET',
    '2026-01-05Z',
    ' 2026-01-05',
    '2026-01-05 ',
    '2026-01-05\n',
    '1767225600000',
    '0000-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    `2026-01-05T10:00:00.${'0'.repeat(100)}Z`,
    'tomorrow',
    '',
    1e300,
    -1e300,
  ].map(unreadable),
];
