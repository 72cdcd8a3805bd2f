// Writes schema/config.json, the JSON Schema of what train takes by --config; with --check it only says whether the file
// is up to date. Kinds of values are those of the schemas that judge them, descriptions the comments beside these.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { z } from 'zod'
import { FILE_ONLY, OPTIONS } from '../dist/cli/train-options.js'
import { FLOW_KINDS } from '../dist/flow/kinds.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const FILE = join(root, 'schema', 'config.json')

/** Two data sets of other sizes: what a setting is for one and not for the other follows from the data. */
const SIZES = [
  { meanNorm: 1, deviation: 0.5, dimensions: 2 },
  { meanNorm: 9, deviation: 0.7, dimensions: 64 },
]

/** What the fields of networks and flows are for, from the comments of their schemas: `unet.nf`. */
function comments() {
  const files = [
    'src/nn/config.ts',
    ...readdirSync(join(root, 'src', 'flow')).map((name) => `src/flow/${name}`),
  ]
  const objects = new Map(files.flatMap(objectsOf))
  const fieldsOf = ({ properties }) =>
    properties.flatMap((property) =>
      ts.isSpreadAssignment(property)
        ? fieldsOf(objects.get(property.expression.getText()) ?? { properties: [] })
        : [[property.name?.getText(), property]],
    )
  return new Map(
    [...objects.values()].flatMap((object) => {
      const fields = fieldsOf(object)
      const [, kind] =
        /^z\.literal\('([\w-]+)'\)/.exec(new Map(fields).get('kind')?.initializer?.getText() ?? '') ?? []
      return kind ? fields.map(([name, field]) => [`${kind}.${name}`, commentOf(field)]) : []
    }),
  )
}

/** The first object in the value of each constant of a file, by the constant's name. */
function objectsOf(file) {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(root, file), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  )
  const declarations = source.statements.filter(ts.isVariableStatement)
  return declarations
    .flatMap(({ declarationList }) => declarationList.declarations)
    .map(({ name, initializer }) => [name.getText(), firstObject(initializer)])
    .filter(([, object]) => object)
}

function firstObject(node) {
  return ts.isObjectLiteralExpression(node) ? node : ts.forEachChild(node, firstObject)
}

function commentOf(field) {
  return ts
    .getJSDocCommentsAndTags(field)
    .map(({ comment }) => ts.getTextOfJSDocComment(comment)?.replace(/\s+/g, ' '))
    .join(' ')
}

/** A schema as JSON Schema: what it takes, before defaults are filled in. */
function asJson(schema) {
  const { $schema, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override })
  return json
}

/** Of an array, whose length is looked at before its entries, the schema of its entries. */
function override({ zodSchema, jsonSchema }) {
  const { type, in: first, out } = zodSchema._zod.def
  if (type === 'pipe' && first._zod.def.type === 'custom') Object.assign(jsonSchema, asJson(out))
}

function described(json, about) {
  const kind = json.properties.kind.const
  const properties = Object.entries(json.properties).map(([name, field]) => {
    const description = about.get(`${kind}.${name}`)
    return [name, description ? { ...field, description } : field]
  })
  return { ...json, properties: Object.fromEntries(properties) }
}

/** Settings of a kind of flow, any of which may be left out; with what they are then, where that is always the same. */
function flowSchema(kind, about) {
  const [some, other] = SIZES.map((size) =>
    kind.schema.parse({ kind: kind.kind, ...kind.settingsFor({}, size) }),
  )
  const json = described(asJson(kind.schema), about)
  const properties = Object.entries(json.properties).map(([name, { default: _, ...field }]) => {
    const usual = name === 'kind' || some[name] !== other[name] ? {} : { default: some[name] }
    return [name, { ...field, ...usual }]
  })
  const required = kind.kind === 'pfgm' ? {} : { required: ['kind'] }
  return { ...json, properties: Object.fromEntries(properties), required: undefined, ...required }
}

function configSchema() {
  const about = comments()
  const network = asJson(FILE_ONLY.network.schema)
  const special = {
    flow: { anyOf: [...FLOW_KINDS.values()].map((kind) => flowSchema(kind, about)) },
  }
  const options = Object.entries(OPTIONS).map(([name, { kind, help }]) => [
    name,
    { description: help, ...(special[name] ?? asJson(kind.schema)) },
  ])
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Settings of pfgm-torch train',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      ...Object.fromEntries(options),
      network: {
        description: 'the network, in place of the preset’s',
        oneOf: (network.oneOf ?? network.anyOf).map((member) => described(member, about)),
      },
    },
    additionalProperties: false,
  }
}

const text = `${JSON.stringify(configSchema(), null, 2)}\n`
if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== text) {
    console.error(
      'schema/config.json is of other options: run `npm run build && node scripts/config-schema.js`',
    )
    process.exitCode = 1
  }
} else {
  writeFileSync(FILE, text)
}
