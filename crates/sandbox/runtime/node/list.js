// Prints the top-level functions of /app/main.js as JSON. Parses, and runs nothing of it.
'use strict';

const fs = require('fs');
const acorn = require('/runtime/acorn.js');

const FILES = ['main.js', 'main.mjs'];
const isFunction = (node) => node && ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(node.type);

function nameOf(parameter) {
  switch (parameter.type) {
    case 'Identifier': return parameter.name;
    case 'AssignmentPattern': return nameOf(parameter.left);
    case 'RestElement': return `...${nameOf(parameter.argument)}`;
    case 'ObjectPattern': return '{}';
    case 'ArrayPattern': return '[]';
    default: return '?';
  }
}

class Found {
  constructor() {
    this.functions = new Map();
    this.declared = new Map();
  }

  add(name, node) {
    if (name.startsWith('_') || !isFunction(node)) return;
    this.functions.set(name, {
      name,
      parameters: node.params.map(nameOf),
      asynchronous: Boolean(node.async),
      line: node.loc.start.line,
    });
  }

  // A value that is exported under a name: a function, or the name of one.
  value(name, node) {
    if (node && node.type === 'Identifier') this.add(name, this.declared.get(node.name));
    else this.add(name, node);
  }
}

// `main.js` may name what it exports before and after it declares it.
function declare(found, node) {
  if (node.type === 'FunctionDeclaration' && node.id) found.declared.set(node.id.name, node);
  if (node.type === 'VariableDeclaration') {
    for (const { id, init } of node.declarations) if (id.type === 'Identifier' && isFunction(init)) found.declared.set(id.name, init);
  }
  if (node.type === 'ExportNamedDeclaration' && node.declaration) declare(found, node.declaration);
}

const isMember = (node, object, property) => node.type === 'MemberExpression' && !node.computed
  && object(node.object) && (property === undefined || node.property.name === property);
const isName = (name) => (node) => node.type === 'Identifier' && node.name === name;
const isModuleExports = (node) => isMember(node, isName('module'), 'exports');
const isExports = (node) => isName('exports')(node) || isModuleExports(node);

function exportsOf(found, expression) {
  if (!expression || expression.type !== 'AssignmentExpression' || expression.operator !== '=') return;
  const { left } = expression;
  let { right } = expression;
  // exports.a = exports.b = …, exports = module.exports = …
  while (right.type === 'AssignmentExpression') {
    exportsOf(found, right);
    right = right.right;
  }
  if (isMember(left, isExports)) {
    found.value(left.property.name, right);
  } else if (isExports(left) && right.type === 'ObjectExpression') {
    for (const property of right.properties) {
      if (property.type !== 'Property' || property.computed || property.kind !== 'init') continue;
      const name = property.key.type === 'Identifier' ? property.key.name : String(property.key.value);
      found.value(name, property.value);
    }
  }
}

function common(tree) {
  const found = new Found();
  for (const node of tree.body) declare(found, node);
  for (const node of tree.body) {
    if (node.type === 'FunctionDeclaration') found.add(node.id.name, node);
    if (node.type === 'ExpressionStatement') exportsOf(found, node.expression);
  }
  return found;
}

function modern(tree) {
  const found = new Found();
  for (const node of tree.body) declare(found, node);
  for (const node of tree.body) {
    if (node.type !== 'ExportNamedDeclaration' || node.source) continue;
    const { declaration } = node;
    if (declaration && declaration.type === 'FunctionDeclaration') found.add(declaration.id.name, declaration);
    if (declaration && declaration.type === 'VariableDeclaration') {
      for (const { id, init } of declaration.declarations) if (id.type === 'Identifier') found.add(id.name, init);
    }
    for (const { local, exported } of node.specifiers) {
      if (local.type === 'Identifier' && exported.type === 'Identifier') found.add(exported.name, found.declared.get(local.name));
    }
  }
  return found;
}

function isModule(file) {
  if (file.endsWith('.mjs')) return true;
  try {
    return JSON.parse(fs.readFileSync('/app/package.json', 'utf8')).type === 'module';
  } catch {
    return false;
  }
}

function look() {
  const file = FILES.find((name) => fs.existsSync(`/app/${name}`));
  if (file === undefined) return { no_main: FILES[0] };
  const source = fs.readFileSync(`/app/${file}`, 'utf8').replace(/^\uFEFF/, '');
  const module = isModule(file);
  try {
    const tree = acorn.parse(source, {
      ecmaVersion: 'latest',
      sourceType: module ? 'module' : 'script',
      allowReturnOutsideFunction: !module,
      allowAwaitOutsideFunction: module,
      allowHashBang: true,
      locations: true,
    });
    return { functions: [...(module ? modern(tree) : common(tree)).functions.values()] };
  } catch (error) {
    const line = error.loc ? error.loc.line : 1;
    return { syntax: { file, line, message: String(error.message).replace(/ \(\d+:\d+\)$/, '') } };
  }
}

fs.writeSync(1, JSON.stringify(look()));
