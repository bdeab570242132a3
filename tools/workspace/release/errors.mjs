// `npm run errors`: writes docs/errors.md, and the table of docs/http-api.md, as libs/errors has them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorPages } from '../dist/error-pages.js';
import { repository } from '../dist/packages.js';

for (const [path, text] of await errorPages()) writeFileSync(join(repository, path), text);
