'use strict';

// Functions that can be called: those defined in this file whose names do not begin with an underscore.

const fs = require('node:fs');
const path = require('node:path');

const { initials, title } = require('./lib/text');

/** A greeting for one person. */
function greet(name, greeting = 'Hello') {
  return `${greeting}, ${title(name)}!`;
}

/** The sum of an order: items are objects with a price and, perhaps, a quantity. */
function total(items) {
  const amount = items.reduce((sum, item) => sum + item.price * (item.quantity ?? 1), 0);
  return { items: items.length, amount: Math.round(amount * 100) / 100 };
}

/** Keeps a name in the workspace, and tells all names that were kept so far. */
function remember(name) {
  const file = path.join(process.env.WORKSPACE_DIR, 'names.txt');
  fs.appendFileSync(file, `${initials(name)} ${name}\n`);
  return fs.readFileSync(file, 'utf8').trimEnd().split('\n');
}

/** The files that were uploaded. */
async function uploads() {
  return (await fs.promises.readdir(process.env.UPLOADS_DIR)).sort();
}

module.exports = { greet, total, remember, uploads };
