/** Features of the simulated product, most popular first. */
export const FEATURES = [
  'dashboard',
  'search',
  'tasks',
  'comments',
  'reports',
  'calendar',
  'notifications',
  'export',
  'filters',
  'templates',
  'integrations',
  'time-tracking',
  'automations',
  'forms',
  'goals',
  'api',
  'audit-log',
  'forecasting',
  'custom-roles',
  'sandbox',
] as const;

export const PAGES = ['Dashboard', 'Projects', 'Reports', 'Settings', 'Inbox'] as const;

export const PLANS = [
  { name: 'starter', price: 15, seats: 3, termDays: 30 },
  { name: 'team', price: 25, seats: 8, termDays: 30 },
  { name: 'pro', price: 45, seats: 15, termDays: 90 },
  { name: 'enterprise', price: 80, seats: 30, termDays: 180 },
] as const;

export const INDUSTRIES = [
  'software',
  'retail',
  'healthcare',
  'finance',
  'education',
  'manufacturing',
  'media',
] as const;

/** Where customers sit, with their standard offset from UTC in minutes. They keep standard time all year. */
export const ZONES = [
  { name: 'America/Los_Angeles', country: 'US', offset: -480 },
  { name: 'America/New_York', country: 'US', offset: -300 },
  { name: 'America/Sao_Paulo', country: 'BR', offset: -180 },
  { name: 'Europe/London', country: 'GB', offset: 0 },
  { name: 'Europe/Berlin', country: 'DE', offset: 60 },
  { name: 'Asia/Kolkata', country: 'IN', offset: 330 },
  { name: 'Asia/Tokyo', country: 'JP', offset: 540 },
  { name: 'Australia/Sydney', country: 'AU', offset: 600 },
] as const;

export const PERSONAS = ['admin', 'champion', 'regular', 'occasional'] as const;
export type Persona = (typeof PERSONAS)[number];

/** What moved an account away, as the simulation knows it. */
export const CAUSES = ['poor-fit', 'low-adoption', 'support', 'champion-left', 'budget'] as const;
export type Cause = (typeof CAUSES)[number];

/** What the customer says when it cancels for that cause. */
export const REASONS: Readonly<Record<Cause, string>> = {
  'poor-fit': 'missing features',
  'low-adoption': 'not used enough',
  support: 'unhappy with support',
  'champion-left': 'change of team',
  budget: 'too expensive',
};

export const COMMENTS = {
  good: [
    'Does exactly what we need.',
    'Our team lives in it.',
    'Support answered within the hour.',
    'Best tool we bought this year.',
  ],
  fair: ['Good, but reports are slow.', 'Works. The mobile app needs love.', 'Fine for now.'],
  bad: [
    'Too many clicks for simple things.',
    'Still waiting for an answer from support.',
    'Half of the team stopped using it.',
    'We are looking at alternatives.',
  ],
} as const;

export const TICKET_SUBJECTS = ['export', 'sign-in', 'billing', 'performance', 'integration', 'permissions'] as const;

const FIRST = [
  'Ada',
  'Ben',
  'Chen',
  'Dana',
  'Emre',
  'Fay',
  'Gita',
  'Hugo',
  'Ines',
  'Jun',
  'Kofi',
  'Lena',
  'Mara',
  'Noor',
  'Omar',
  'Pia',
] as const;
const LAST = [
  'Abel',
  'Brandt',
  'Costa',
  'Duarte',
  'Ekwall',
  'Fischer',
  'Garcia',
  'Haddad',
  'Ito',
  'Jansen',
  'Kumar',
  'Lopez',
  'Moreau',
  'Novak',
  'Okafor',
  'Park',
] as const;
const LEADING = [
  'Amber',
  'Blue',
  'Cedar',
  'Delta',
  'Ember',
  'Frost',
  'Golden',
  'Harbor',
  'Iron',
  'Juniper',
  'Kite',
  'Lunar',
  'Maple',
  'North',
  'Orchid',
  'Pine',
] as const;
const TRAILING = [
  'Analytics',
  'Bakery',
  'Clinics',
  'Design',
  'Energy',
  'Foods',
  'Garage',
  'Health',
  'Insurance',
  'Logistics',
  'Labs',
  'Media',
  'Optics',
  'Robotics',
  'Studio',
  'Works',
] as const;

export const personName = (hash: number): string => `${FIRST[hash & 15] ?? ''} ${LAST[(hash >>> 4) & 15] ?? ''}`;
export const companyName = (hash: number): string => `${LEADING[hash & 15] ?? ''} ${TRAILING[(hash >>> 4) & 15] ?? ''}`;
