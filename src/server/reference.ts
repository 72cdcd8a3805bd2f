import { createHash } from 'node:crypto'
import { escaped, paragraph, table } from '../compare/report/html.js'
import { STYLE as PLAIN } from '../compare/report/style.js'

const STYLE = `${PLAIN}h2, nav a { overflow-wrap: anywhere; }\n`

/** What of an OpenAPI document the page shows. */
export interface Described {
  readonly info: { readonly title: string; readonly version: string }
  readonly security?: readonly unknown[]
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Route>>>>
}

interface Route {
  readonly summary?: string
  readonly parameters?: readonly Field[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> }
  readonly responses?: Readonly<Record<string, { readonly description: string; readonly content?: object }>>
}

interface Field {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema?: Schema
}

interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

/** A page of all that a service answers, which asks for nothing but itself, and the policy that it is shown under. */
export function referencePage(document: Described): { html: string; policy: string } {
  const { title, version } = document.info
  const routes = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, route]) => ({ path, method: method.toUpperCase(), route })),
  )
  const hasToken = (document.security ?? []).length > 0
  const names = routes.map(({ method, path }) => `${method} ${path}`)
  const html = [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(title)}: reference</title><style>${STYLE}</style></head><body>`,
    `<header><h1>${escaped(title)} ${escaped(version)}</h1>`,
    paragraph(
      `All that this service answers. In the examples $URL is where it is${hasToken ? ', and $TOKEN a token of it' : ''}.`,
    ),
    '<p><a href="openapi.json">The same for programs: OpenAPI 3.1</a></p></header>',
    `<nav aria-label="Requests"><ul>${names.map((name, i) => `<li><a href="#r${i}">${escaped(name)}</a></li>`).join('')}</ul></nav>`,
    '<main>',
    ...routes.map(({ path, method, route }, i) => section(`r${i}`, method, path, route, hasToken)),
    '</main></body></html>',
  ].join('\n')
  const hash = createHash('sha256').update(STYLE).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
  return { html, policy }
}

function section(id: string, method: string, path: string, route: Route, hasToken: boolean): string {
  const name = `${method} ${path}`
  const fields = [...(route.parameters ?? []), ...fieldsOfBody(route)]
  const parts = [`<section id="${id}"><h2>${escaped(name)}</h2>`, paragraph(route.summary ?? '')]
  if (fields.length > 0) {
    parts.push(
      table({
        caption: `What ${name} takes`,
        head: ['Name', 'Where', 'What it is', 'Values', 'Default'],
        rows: fields.map(({ name, in: place, required, description = '', schema = {} }) => [
          name,
          place,
          description || (schema.description ?? ''),
          valuesOf(schema),
          required ? 'must be given' : String(schema.default ?? ''),
        ]),
      }),
    )
  }
  const answers = Object.entries(route.responses ?? {})
  parts.push(
    table({
      caption: `What ${name} answers`,
      head: ['Status', 'What it is', 'Types'],
      rows: answers.map(([status, { description, content = {} }]) => [
        status,
        description,
        Object.keys(content).join(', '),
      ]),
    }),
    `<pre class="wide" role="region" aria-label="Example of ${escaped(name)}" tabindex="0"><code>${escaped(example(method, path, route, hasToken))}</code></pre></section>`,
  )
  return parts.join('\n')
}

/** The fields of a JSON body; of another one, what types it may be of. */
function fieldsOfBody({ requestBody }: Route): Field[] {
  if (!requestBody) return []
  const { properties, required = [] } = requestBody.content['application/json']?.schema ?? {}
  const types = Object.keys(requestBody.content).join(', ')
  if (!properties) return [{ name: 'body', in: 'body', required: true, description: `A picture: ${types}` }]
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'body',
    required: required.includes(name),
    schema,
  }))
}

function valuesOf({ type, enum: choices, minimum, maximum, maxLength }: Schema): string {
  if (choices) return choices.join(', ')
  if (maxLength !== undefined) return `text of at most ${maxLength}`
  if (minimum === undefined || maximum === undefined) return [type ?? ''].flat().join(' or ')
  return `${type === 'integer' ? 'whole number' : 'number'} from ${minimum} to ${maximum}`
}

/** By curl, with what must be given. */
function example(
  method: string,
  path: string,
  { parameters = [], requestBody }: Route,
  hasToken: boolean,
): string {
  const must = parameters.filter(({ required }) => required)
  const usual = ({ schema = {} }: Field) => String(schema.default ?? schema.minimum ?? 1)
  const query = must
    .filter((field) => field.in === 'query')
    .map((field) => `${field.name}=${usual(field)}`)
    .join('&')
  const [type] = Object.keys(requestBody?.content ?? {})
  const body =
    type === undefined
      ? []
      : type === 'application/json'
        ? [`--json '{"n": 1}'`]
        : [`--header 'content-type: ${type}' --data-binary @picture.${type.split('/')[1]}`]
  const token = hasToken ? ['--header "authorization: Bearer $TOKEN"'] : []
  const place = path.replace(/\{(\w+)\}/g, (_, part: string) => `$${part.toUpperCase()}`)
  const url = `"$URL${place}${query && `?${query}`}"`
  return ['curl', method === 'POST' && body.length === 0 ? '--request POST' : '', ...token, ...body, url]
    .filter((part) => part !== '')
    .join(' ')
}
