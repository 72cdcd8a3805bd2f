import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** A type as `src/native/addon.ts` writes it; `unknown` where this file cannot read it. */
export type Type =
  | { is: 'number' | 'string' | 'boolean' | 'bigint' | 'undefined' }
  | { is: 'literal'; value: unknown }
  | { is: 'handle'; kind: string }
  | { is: 'buffer'; name: string }
  | { is: 'array'; of: Type }
  | { is: 'union'; of: Type[] }
  | { is: 'object'; fields: Place[] }
  | { is: 'unknown'; text: string }

/** A parameter or a field. */
export interface Place {
  name: string
  type: Type
  optional: boolean
}

export interface Signature {
  parameters: Place[]
  /** Of a promise: what it resolves to. */
  returns: Type
}

const read = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../src/native/${name}`, import.meta.url)), 'utf8')
const source = ts.createSourceFile(
  'addon.ts',
  [
    'addon.ts',
    'batches.ts',
    'evaluation.ts',
    'handles.ts',
    'network-config.ts',
    'pass.ts',
    'precision.ts',
    'trajectories.ts',
  ]
    .map(read)
    .join(''),
  ts.ScriptTarget.ES2022,
)
const aliases = new Map(
  source.statements.filter(ts.isTypeAliasDeclaration).map((it) => [it.name.text, it.type]),
)
const interfaces = new Map(
  source.statements.filter(ts.isInterfaceDeclaration).map((it) => [it.name.text, it]),
)

/** Every method of `interface Addon`. */
export const signatures: Record<string, Signature> = Object.fromEntries(
  interfaces
    .get('Addon')!
    .members.filter(ts.isMethodSignature)
    .map((method) => [
      method.name.getText(source),
      { parameters: method.parameters.map(place), returns: typeOf(method.type!) },
    ]),
)

function place(node: ts.PropertySignature | ts.ParameterDeclaration): Place {
  return {
    name: node.name.getText(source),
    type: typeOf(node.type!),
    optional: node.questionToken !== undefined,
  }
}

function typeOf(node: ts.TypeNode): Type {
  const unknown: Type = { is: 'unknown', text: node.getText(source) }
  if (ts.isParenthesizedTypeNode(node) || ts.isTypeOperatorNode(node)) return typeOf(node.type)
  if (ts.isArrayTypeNode(node)) return { is: 'array', of: typeOf(node.elementType) }
  if (ts.isUnionTypeNode(node)) return { is: 'union', of: node.types.map(typeOf) }
  if (ts.isIntersectionTypeNode(node)) return joined(node.types.map(typeOf)) ?? unknown
  if (ts.isTypeLiteralNode(node)) return objectOf(node.members) ?? unknown
  if (ts.isLiteralTypeNode(node)) {
    return ts.isStringLiteral(node.literal) ? { is: 'literal', value: node.literal.text } : unknown
  }
  if (ts.isTypeReferenceNode(node)) return referred(node) ?? unknown
  if (node.kind === ts.SyntaxKind.NumberKeyword) return { is: 'number' }
  if (node.kind === ts.SyntaxKind.StringKeyword) return { is: 'string' }
  if (node.kind === ts.SyntaxKind.BooleanKeyword) return { is: 'boolean' }
  if (node.kind === ts.SyntaxKind.BigIntKeyword) return { is: 'bigint' }
  if (node.kind === ts.SyntaxKind.UndefinedKeyword || node.kind === ts.SyntaxKind.VoidKeyword) {
    return { is: 'undefined' }
  }
  return unknown
}

function referred(node: ts.TypeReferenceNode): Type | undefined {
  const name = node.typeName.getText(source)
  const argument = node.typeArguments?.[0] && typeOf(node.typeArguments[0])
  if (name === 'Handle' && argument?.is === 'literal') return { is: 'handle', kind: String(argument.value) }
  if ((name === 'Promise' || name === 'Readonly') && argument) return argument
  if ((name === 'Array' || name === 'ReadonlyArray') && argument) return { is: 'array', of: argument }
  if (/^(\w+Array|ArrayBuffer|ArrayBufferView)$/.test(name)) return { is: 'buffer', name }
  if (aliases.has(name)) return typeOf(aliases.get(name)!)
  const declared = interfaces.get(name)
  return declared && !declared.heritageClauses ? objectOf(declared.members) : undefined
}

/** An object with the fields of all. */
function joined(types: readonly Type[]): Type | undefined {
  const fields = types.flatMap((type) => (type.is === 'object' ? [type.fields] : []))
  return fields.length === types.length ? { is: 'object', fields: fields.flat() } : undefined
}

function objectOf(members: readonly ts.TypeElement[]): Type | undefined {
  return members.every(ts.isPropertySignature) ? { is: 'object', fields: members.map(place) } : undefined
}
