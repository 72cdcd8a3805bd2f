// Files for others' engines, none of which is here: their form, and that what they name is there.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { define } from '../src/cli/serve.js'
import { createService } from '../src/server/serve.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const text = (file: string) => readFileSync(join(root, file), 'utf8')

// biome-ignore lint/suspicious/noExplicitAny: any YAML is anything
type Anything = any

/** The documents of a YAML file, which must have no key twice and no other mistake. */
function yaml(file: string): Anything[] {
  return parseAllDocuments(text(file), { strict: true, uniqueKeys: true }).map((document) => {
    expect(document.errors).toEqual([])
    expect(document.warnings).toEqual([])
    return document.toJS()
  })
}

let app: FastifyInstance
/** Of all that the service measures. */
let metrics: Set<string>

beforeAll(async () => {
  app = await createService({ models: { digits: 'digits' }, tokens: ['t'], limits: {}, logLevel: 'silent' })
  const { body } = await app.inject('/metrics')
  metrics = new Set([...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!))
})
afterAll(() => app.close())

function expectMetrics(query: string): void {
  const names = [...query.matchAll(/\b(?:pfgm|process|nodejs)_\w+/g)].map(([name]) => name)
  expect(names, query).not.toEqual([])
  for (const name of names) expect(metrics, query).toContain(name.replace(/_(bucket|count|sum)$/, ''))
}

/** What a container is started with must be something that the command takes. */
function expectServes(words: readonly string[]): void {
  const command = new Command()
  define(command)
  const flags = command.options.map(({ long }) => long)
  expect(words[0]).toBe('serve')
  for (const flag of words.filter((word) => word.startsWith('--'))) expect(flags).toContain(flag)
  expect(words[words.indexOf('--host') + 1]).toBe('0.0.0.0')
}

const everyFile = readdirSync(join(root, 'deploy'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => `deploy/${name}`)

it.each(everyFile)('%s says first that it was not run', (file) => {
  expect(yaml(file).length).toBeGreaterThan(0)
  expect(text(file).split('\n')[0]).toMatch(/^# Not run yet/)
})

it('the image serves', () => {
  const [, words] = /^CMD (\[.*\])$/m.exec(text('Dockerfile'))!
  expectServes(JSON.parse(words!))
})

describe('compose.yaml', () => {
  const [{ services, volumes }] = yaml('deploy/compose.yaml')

  it('has the service, Prometheus and Grafana, and files that are there', () => {
    expect(Object.keys(services)).toEqual(['pfgm-torch', 'prometheus', 'grafana'])
    const known = new Set(
      'build image environment ports read_only tmpfs cap_drop security_opt mem_limit stop_grace_period healthcheck restart volumes depends_on'.split(
        ' ',
      ),
    )
    for (const service of Object.values<Anything>(services)) {
      for (const key of Object.keys(service)) expect(known).toContain(key)
      for (const other of service.depends_on ?? []) expect(Object.keys(services)).toContain(other)
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
      for (const volume of service.volumes ?? []) {
        const [from] = volume.split(':')
        if (from.startsWith('.')) expect(existsSync(join(root, 'deploy', from)), from).toBe(true)
        else expect(Object.keys(volumes)).toContain(from)
      }
    }
    const { build } = services['pfgm-torch']
    expect(existsSync(join(root, 'deploy', build.context, build.dockerfile))).toBe(true)
  })

  it('asks for paths that there are', async () => {
    const [{ scrape_configs: jobs }] = yaml('deploy/prometheus.yaml')
    const [
      {
        metrics_path: path,
        static_configs: [{ targets }],
      },
    ] = jobs
    expect((await app.inject(path)).statusCode).toBe(200)
    expect(targets).toEqual(['pfgm-torch:8000'])
    const [, probed] = /127\.0\.0\.1:8000(\/\w+)'/.exec(services['pfgm-torch'].healthcheck.test.join(' '))!
    expect((await app.inject(probed!)).statusCode).toBe(200)
  })

  it('has a board of metrics that there are, of data that is provisioned', () => {
    const board = JSON.parse(text('deploy/grafana/board.json'))
    const [{ datasources }] = yaml('deploy/grafana/provisioning/datasources/prometheus.yaml')
    const ids = board.panels.map(({ id }: Anything) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { datasource, targets, gridPos } of board.panels) {
      expect(datasource.uid).toBe(datasources[0].uid)
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      for (const { expr } of targets) expectMetrics(expr)
    }
    const [{ providers }] = yaml('deploy/grafana/provisioning/dashboards/board.yaml')
    const mounted = services.grafana.volumes.find((each: string) => each.startsWith('./grafana/board.json'))
    expect(mounted).toContain(`${providers[0].options.path}/board.json`)
  })
})

describe('kubernetes.yaml', () => {
  const [deployment, service, scaler] = yaml('deploy/kubernetes.yaml')
  const pod = deployment.spec.template.spec
  const [container] = pod.containers

  it('has objects that belong together', () => {
    expect([deployment, service, scaler].map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
      'apps/v1 Deployment',
      'v1 Service',
      'autoscaling/v2 HorizontalPodAutoscaler',
    ])
    const labels = deployment.spec.template.metadata.labels
    expect(deployment.spec.selector.matchLabels).toEqual(labels)
    expect(service.spec.selector).toEqual(labels)
    expect(service.spec.ports[0].targetPort).toBe(container.ports[0].name)
    expect(scaler.spec.scaleTargetRef).toEqual({
      apiVersion: deployment.apiVersion,
      kind: deployment.kind,
      name: deployment.metadata.name,
    })
    const mounts = container.volumeMounts.map(({ name }: Anything) => name)
    expect(pod.volumes.map(({ name }: Anything) => name)).toEqual(mounts)
  })

  it('starts what the command takes, and probes paths that there are', async () => {
    expectServes(container.args)
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      const { path, port } = container[probe].httpGet
      expect((await app.inject(path)).statusCode).toBe(200)
      expect(port).toBe(container.ports[0].name)
    }
    const { annotations } = deployment.spec.template.metadata
    expect((await app.inject(annotations['prometheus.io/path'])).statusCode).toBe(200)
    expect(Number(annotations['prometheus.io/port'])).toBe(container.ports[0].containerPort)
  })

  it('is without privileges, and has the time to end', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true })
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
    })
    const [, wait] = container.lifecycle.preStop.exec.command
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(wait) + 30)
  })

  it('grows with a metric whose query names what is measured', () => {
    const { name } = scaler.spec.metrics[0].pods.metric
    const [, query] = new RegExp(`${name} of pods:\\n#\\s+(.*)`).exec(text('deploy/kubernetes.yaml'))!
    expectMetrics(query!)
  })
})
