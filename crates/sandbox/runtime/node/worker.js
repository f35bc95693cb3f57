// Loads main.js once and answers calls over descriptor 3: a length of four bytes, little-endian, and JSON.
// Needs Node.js 18 or newer. Everything it says is checked by the supervisor.
'use strict';

const fs = require('fs');
const net = require('net');
const path = require('path');
const util = require('util');
const Module = require('module');
const { AsyncLocalStorage } = require('async_hooks');
const { pathToFileURL } = require('url');

const APP = '/app';
const LINE_MAX = 16 * 1024;
const REFILL_MS = 500;

// Kept before the script can change what they mean.
const { stringify, parse } = JSON;
const { apply } = Reflect;
const writeSync = fs.writeSync;
const hasOwn = Object.prototype.hasOwnProperty;
const own = (object, key) => apply(hasOwn, object, [key]);

const current = new AsyncLocalStorage();
const running = new Map();
const pause = new Int32Array(new SharedArrayBuffer(4));
let start;

function send(text) {
  const body = Buffer.from(text, 'utf8');
  const frame = Buffer.allocUnsafe(body.length + 4);
  frame.writeUInt32LE(body.length, 0);
  body.copy(frame, 4);
  let at = 0;
  while (at < frame.length) {
    try {
      at += writeSync(3, frame, at, frame.length - at);
    } catch (error) {
      if (error.code !== 'EAGAIN') process.exit(0);
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

// What one call writes: the beginning at once, the end with the answer, and how much was between.
class Log {
  constructor(call) {
    this.call = call;
    this.left = start.log;
    this.tail = [];
    this.tailSize = 0;
    this.dropped = 0;
    this.begun = new Map();
  }

  write(level, text) {
    const lines = ((this.begun.get(level) || '') + text).split('\n');
    const last = lines.pop();
    if (last.length >= LINE_MAX) lines.push(last);
    this.begun.set(level, last.length >= LINE_MAX ? '' : last);
    for (const line of lines) this.line(level, line);
  }

  line(level, text) {
    for (let at = 0; at < (text.length || 1); at += LINE_MAX) this.piece(level, text.slice(at, at + LINE_MAX));
  }

  piece(level, text) {
    const size = text.length + 32;
    if (size <= this.left) {
      this.left -= size;
      this.tell({ level, text });
      return;
    }
    this.left = 0;
    this.tail.push([level, text]);
    this.tailSize += size;
    // Cut now and then, not at each line: shifting an array is slow.
    if (this.tailSize > 2 * start.log) this.shorten();
  }

  shorten() {
    let from = 0;
    while (this.tailSize > start.log) {
      const size = this.tail[from][1].length;
      this.tailSize -= size + 32;
      this.dropped += size + 1;
      from += 1;
    }
    this.tail.splice(0, from);
  }

  tell(log) {
    send(stringify(this.call === null ? { log } : { id: this.call, log }));
  }

  flush() {
    for (const [level, text] of this.begun) if (text) this.line(level, text);
    this.begun.clear();
    this.shorten();
    if (this.dropped) this.tell({ level: 'warning', dropped: this.dropped });
    for (const [level, text] of this.tail) this.tell({ level, text });
    this.tail = [];
    this.tailSize = 0;
    this.dropped = 0;
  }
}

let outside;

// Of the call that this code runs for; without one, of the only call under way.
function log() {
  const found = current.getStore();
  if (found) return found;
  if (running.size === 1) for (const only of running.values()) return only;
  return outside;
}

function installOutput() {
  const levels = { log: 'stdout', info: 'info', debug: 'debug', warn: 'warning', error: 'error' };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...values) => {
      for (const line of util.format(...values).split('\n')) log().line(level, line);
    };
  }
  console.trace = (...values) => {
    const trace = new Error();
    const text = `Trace: ${util.format(...values)}\n${cleaned(trace.stack).split('\n').slice(2).join('\n')}`;
    for (const line of text.split('\n')) log().line('debug', line);
  };
  for (const level of ['stdout', 'stderr']) {
    process[level].write = (data, encoding, done) => {
      log().write(level, typeof data === 'string' ? data : Buffer.from(data).toString('utf8'));
      const callback = typeof encoding === 'function' ? encoding : done;
      if (callback) process.nextTick(callback);
      return true;
    };
  }
}

// A stack without our own lines and Node's.
function cleaned(stack) {
  const foreign = (line) => /^\s+at .*(\/runtime\/worker\.js|node:)/.test(line);
  return String(stack).split('\n').filter((line) => !foreign(line)).join('\n');
}

function describe(error) {
  try {
    if (error instanceof Error || (error && typeof error === 'object' && 'stack' in error && 'message' in error)) {
      const kind = String(error.name || (error.constructor && error.constructor.name) || 'Error');
      let traceback = cleaned(error.stack);
      for (let cause = error.cause, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
        traceback += `\nCaused by: ${cleaned(cause.stack)}`;
      }
      return { kind, message: String(error.message), traceback };
    }
    return { kind: typeof error, message: util.inspect(error), traceback: '' };
  } catch {
    return { kind: 'Error', message: 'the error cannot be shown', traceback: '' };
  }
}

class Fault {
  constructor(told) {
    this.told = told;
  }
}

const SILENT = [
  Map, Set, WeakMap, WeakSet, RegExp, Error, Promise, ArrayBuffer, SharedArrayBuffer, DataView,
];

function typeName(value) {
  if (typeof value === 'function') return 'function';
  if (typeof value[Symbol.asyncIterator] === 'function' && typeof value.next === 'function') return 'async iterator';
  if (typeof value.next === 'function' && typeof value[Symbol.iterator] === 'function') return 'iterator';
  const name = value.constructor && value.constructor.name;
  return typeof name === 'string' && name ? name : 'object';
}

function notJson(kind, at) {
  return new Fault({ code: 'not_json', kind, path: at.slice(0, 1000) });
}

// Throws a Fault at the first thing that JSON cannot say or would silently change.
function check(value, at, depth, above) {
  switch (typeof value) {
    case 'string':
      if (value.isWellFormed && !value.isWellFormed()) throw notJson('text with half a character', at);
      return;
    case 'number':
      if (!Number.isFinite(value)) throw notJson(String(value), at);
      return;
    case 'bigint': throw notJson('BigInt', at);
    case 'symbol': throw notJson('symbol', at);
    case 'function': throw notJson('function', at);
    case 'object': break;
    default: return;
  }
  if (value === null) return;
  if (above.includes(value)) throw notJson('circular reference', at);
  if (depth >= start.depth) throw notJson(`nesting of more than ${start.depth} levels`, at);
  if (ArrayBuffer.isView(value)) throw notJson(typeName(value), at);
  if (typeof value.toJSON === 'function') return check(value.toJSON(), at, depth + 1, above);
  if (Array.isArray(value)) {
    above.push(value);
    for (let index = 0; index < value.length; index += 1) check(value[index], `${at}[${index}]`, depth + 1, above);
    above.pop();
    return;
  }
  if (SILENT.some((kind) => value instanceof kind) || typeof value[Symbol.iterator] === 'function'
    || typeof value[Symbol.asyncIterator] === 'function') {
    if (!(value instanceof String)) throw notJson(typeName(value), at);
  }
  above.push(value);
  for (const key of Object.keys(value)) {
    const step = /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${stringify(key)}]`;
    check(value[key], at + step, depth + 1, above);
  }
  above.pop();
}

function encode(call, result) {
  check(result, '$', 0, []);
  const text = result === undefined ? 'null' : stringify(result);
  if (text === undefined) return encode(call, null);
  const bytes = Buffer.byteLength(text);
  if (bytes > start.max) throw new Fault({ code: 'too_large', bytes });
  return `{"id":"${call}","ok":${text}}`;
}

// The names of a function's parameters, from its own text; null where that says nothing.
function parametersOf(target) {
  const acorn = require('/runtime/acorn.js');
  const text = Function.prototype.toString.call(target);
  for (const form of [`(${text})`, `({${text}})`]) {
    try {
      const found = acorn.parse(form, { ecmaVersion: 'latest', allowAwaitOutsideFunction: true }).body[0].expression;
      const node = found.type === 'ObjectExpression' ? found.properties[0].value : found;
      if (node.type === 'ClassExpression' || !node.params) return null;
      return node.params.map((parameter) => {
        const optional = parameter.type === 'AssignmentPattern';
        const bare = optional ? parameter.left : parameter;
        return { name: bare.type === 'Identifier' ? bare.name : null, optional, rest: bare.type === 'RestElement' };
      });
    } catch {
      // Not in this form.
    }
  }
  return null;
}

const known = new Map();

// Arguments by name, put into their order. A function of one parameter that is not named is given the whole object.
function inOrder(name, target, named) {
  if (!known.has(name)) known.set(name, parametersOf(target));
  const parameters = known.get(name);
  if (parameters === null) return [named];
  const keys = Object.keys(named);
  if (parameters.length === 0) {
    if (keys.length === 0) return [];
    throw new Fault({ code: 'bad_arguments', message: `${name}() takes no arguments, but got: ${keys.join(', ')}` });
  }
  const names = parameters.map((parameter) => parameter.name);
  if (parameters.length === 1 && !own(named, names[0])) {
    if (parameters[0].optional && keys.length === 0) return [];
    return [named];
  }
  const strange = keys.filter((key) => !names.includes(key));
  if (strange.length) {
    throw new Fault({ code: 'bad_arguments', message: `${name}() has no parameter ${strange.map((key) => `'${key}'`).join(', ')}` });
  }
  const missing = parameters.filter((parameter) => parameter.name !== null && !parameter.optional && !own(named, parameter.name));
  if (missing.length) {
    const list = missing.map((parameter) => `'${parameter.name}'`).join(', ');
    throw new Fault({ code: 'bad_arguments', message: `${name}() is missing ${missing.length === 1 ? 'the argument' : 'the arguments'} ${list}` });
  }
  return parameters.filter((parameter) => !parameter.rest)
    .map((parameter) => (parameter.name !== null && own(named, parameter.name) ? named[parameter.name] : undefined));
}

const functions = new Map();

function finish(call, ownLog, text) {
  ownLog.flush();
  running.delete(call);
  send(text);
}

function complain(call, ownLog, error) {
  const told = error instanceof Fault ? error.told : { code: 'script', ...describe(error) };
  for (const key of ['message', 'traceback']) if (told[key]) told[key] = told[key].slice(0, 30000);
  finish(call, ownLog, stringify({ id: call, err: told }));
}

async function handle(frame) {
  const { id, fn, args } = frame;
  const target = functions.get(fn);
  if (target === undefined) {
    send(stringify({ id, err: { code: 'not_found' } }));
    return;
  }
  const ownLog = new Log(id);
  running.set(id, ownLog);
  await current.run(ownLog, async () => {
    let text;
    try {
      const list = Array.isArray(args) ? args : inOrder(fn, target, args);
      let result = apply(target, undefined, list);
      if (result !== null && (typeof result === 'object' || typeof result === 'function') && typeof result.then === 'function') {
        result = await result;
      }
      text = encode(id, result);
    } catch (error) {
      complain(id, ownLog, error);
      return;
    }
    finish(id, ownLog, text);
  });
}

// Names that every module has, and that are none of its own functions.
const GIVEN = ['exports', 'require', 'module', '__filename', '__dirname', 'arguments'];

// Whether a function can be declared under this name; exports may have any, like `delete`.
function isIdentifier(name) {
  if (!/^[A-Za-z_$][\w$]*$/.test(name) || GIVEN.includes(name)) return false;
  try {
    // Parsed, and not run.
    return Boolean(new Function(`'use strict'; return typeof ${name};`));
  } catch {
    return false;
  }
}

// Runs main.js as Node would, with one line after it that collects its top-level functions.
function loadCommonJs(file, names) {
  const source = fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, '').replace(/^#!.*/, '');
  // What the name means everywhere, like `toString`, is no function of the script.
  const collected = names.filter(isIdentifier)
    .map((name) => `${name}: typeof ${name} === 'function' && ${name} !== globalThis.${name} ? ${name} : undefined`);
  const main = new Module(file, null);
  main.filename = file;
  main.paths = Module._nodeModulePaths(APP);
  Module._cache[file] = main;
  process.mainModule = main;
  main._compile(`${source}\n;module[Symbol.for('gatehouse')] = {${collected.join(', ')}};`, file);
  main.loaded = true;
  const found = main[Symbol.for('gatehouse')] || {};
  delete main[Symbol.for('gatehouse')];
  const exported = main.exports;
  const pick = (name) => {
    if (exported && (typeof exported === 'object' || typeof exported === 'function') && own(exported, name)
      && typeof exported[name] === 'function') return exported[name];
    return own(found, name) ? found[name] : undefined;
  };
  return { pick, main };
}

function isModule(file) {
  if (file.endsWith('.mjs')) return true;
  try {
    return parse(fs.readFileSync(path.join(APP, 'package.json'), 'utf8')).type === 'module';
  } catch {
    return false;
  }
}

async function load() {
  const file = ['main.js', 'main.mjs'].map((name) => path.join(APP, name)).find((name) => fs.existsSync(name));
  if (file === undefined) throw new Error('there is no main.js at the root of the project');
  let pick;
  if (isModule(file)) {
    const namespace = await import(pathToFileURL(file).href);
    pick = (name) => (own(namespace, name) ? namespace[name] : undefined);
  } else {
    ({ pick } = loadCommonJs(file, start.functions));
  }
  for (const name of start.functions) {
    const target = pick(name);
    if (typeof target !== 'function') throw new Error(`${path.basename(file)} offers no function '${name}'`);
    functions.set(name, target);
  }
}

function listen(onFrame) {
  const socket = new net.Socket({ fd: 3, readable: true, writable: false });
  let parts = [];
  let have = 0;
  let wanted = 4;
  let inBody = false;
  socket.on('data', (data) => {
    parts.push(data);
    have += data.length;
    while (have >= wanted) {
      let all = parts.length === 1 ? parts[0] : Buffer.concat(parts, have);
      const taken = all.subarray(0, wanted);
      all = all.subarray(wanted);
      parts = all.length ? [all] : [];
      have = all.length;
      if (inBody) {
        inBody = false;
        wanted = 4;
        onFrame(parse(taken.toString('utf8')));
      } else {
        inBody = true;
        wanted = taken.readUInt32LE(0);
      }
    }
  });
  socket.on('end', () => process.exit(0));
  socket.on('error', () => process.exit(0));
}

function onStray(error, origin) {
  outside.line('error', `${origin}: ${describe(error).traceback || describe(error).message}`);
}

async function begin(first) {
  start = first;
  outside = new Log(null);
  installOutput();
  process.on('uncaughtException', onStray);
  process.on('unhandledRejection', (error) => onStray(error, 'unhandledRejection'));
  setInterval(() => {
    outside.flush();
    outside.left = start.log;
  }, REFILL_MS).unref();
  process.argv.length = 1;
  process.argv.push(path.join(APP, 'main.js'));
  try {
    await load();
  } catch (error) {
    outside.flush();
    send(stringify({ failed: describe(error) }));
    process.exit(1);
  }
  outside.flush();
  send(stringify({ ready: true }));
}

listen((frame) => {
  if (start === undefined) begin(frame);
  else handle(frame);
});
