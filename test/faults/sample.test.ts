import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { runCase, type Interrupter, type Way } from './case.ts'
import { dropLab, prepareLab, type Command, type Lab } from './lab.ts'
import { startOwnServer, type OwnServer } from './own-server.ts'
import { Cluster } from '../support/cluster.ts'
import type { Position } from './proxy.ts'

/*
 * A few of the points at which `npm run test:faults` breaks runs: those between which most is at stake.
 */

type Point = readonly [Command, Way, Position, string, RegExp]

const CUT_OVER = /^do .*drop column/s
const REVEAL = /^do .*rename column "unship_hidden/s

const points: readonly Point[] = [
  ['up', 'kill', 'during', 'the copy', /^create table "public"\."backup_program_partner_contacts"/],
  ['up', 'terminate', 'after', 'the cut-over', CUT_OVER],
  ['up', 'terminate', 'before', "Kysely's record", /^insert into "kysely_migration" /],
  ['down', 'kill', 'during', 'the index', /^CREATE INDEX CONCURRENTLY/],
  ['down', 'terminate', 'after', 'the reveal', REVEAL],
]
const stops: readonly Point[] = [['down', 'stop', 'after', 'the index', /^CREATE INDEX CONCURRENTLY/]]

async function broken(lab: Lab, [command, way, position, , pattern]: Point, server?: Interrupter) {
  const at = lab.statements[command].findIndex((sql) => pattern.test(sql)) + 1
  expect(at).toBeGreaterThan(0)
  const verdict = await runCase(lab, { command, way, position, at }, server)
  expect(verdict).toMatchObject({ reached: true, problems: [] })
}

const PATIENCE_MS = 120_000

describe('a process or session that ends', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await prepareLab(inject('server'))
  })
  afterAll(() => dropLab(lab))

  test.each(points)(
    '%s, %s %s %s',
    async (...point) => {
      await broken(lab, point)
    },
    PATIENCE_MS,
  )
})

describe('a server that stops', () => {
  let server: OwnServer
  let cluster: Cluster
  let lab: Lab
  beforeAll(async () => {
    server = await startOwnServer()
    cluster = await Cluster.prepare(server.url)
    lab = await prepareLab({ url: server.url, prefix: cluster.prefix })
  })
  afterAll(() => server.remove())

  test.each(stops)(
    '%s, %s %s %s',
    async (...point) => {
      await broken(lab, point, { stop: server.crash, start: server.start })
    },
    PATIENCE_MS,
  )
})
