// `npm run api`: writes the public API of @rapport/sdk down, so that a change of it is seen, and is meant.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiReport } from '../dist/api-report.js';
import { repository } from '../dist/packages.js';

const report = apiReport(join(repository, 'libs/sdk'), join(repository, 'node_modules/@types'));
writeFileSync(join(repository, 'libs/sdk/api-report.md'), report);
