import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pack } from './installed.ts'

let folder: string
let tarball: Uint8Array<ArrayBuffer>
let files: string[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unship-'))
  const file = await pack(folder)
  tarball = new Uint8Array(await readFile(file))
  const { stdout } = await promisify(execFile)('tar', ['xzvf', file], { cwd: folder })
  files = stdout
    .trim()
    .split('\n')
    .map((name) => name.replace(/^package\//, ''))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

describe('the packed package', () => {
  test('holds what is needed to run and to read it, and nothing else', () => {
    const others = files.filter((name) => !/^(?:dist|src)\//.test(name))
    expect(others.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
    expect(files.filter((name) => /\.test\.|(?:^|\/)(?:test|demo|bench|examples|database)\//.test(name))).toEqual([])
    for (const name of ['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'src/index.ts'])
      expect(files).toContain(name)
  })

  test('is as publint wants it', async () => {
    const { messages, pkg } = await publint({ pack: { tarball: tarball.buffer }, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  })

  test('has types where each ES module resolution looks for them', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(tarball))
    if (analysis.types === false) throw new Error('no types are found')
    // it is an ES module and nothing else: require() loads it from Node 22.12, node10 resolution knows no exports
    const known = new Set(['NoResolution node10', 'CJSResolvesToESM node16-cjs'])
    const problems = analysis.problems.map((problem) =>
      'resolutionKind' in problem ? `${problem.kind} ${problem.resolutionKind}` : problem.kind,
    )
    expect(problems.filter((problem) => !known.has(problem))).toEqual([])
    for (const kind of ['node16-esm', 'bundler'] as const)
      expect(analysis.entrypoints['.']?.resolutions[kind].resolution?.fileName).toMatch(/dist\/index\.d\.ts$/)
  })

  test('has source maps that lead to its sources', async () => {
    const maps = files.filter((name) => name.endsWith('.map'))
    expect(maps.length).toBeGreaterThan(300)
    for (const name of maps) {
      const { sources } = JSON.parse(await readFile(join(folder, 'package', name), 'utf8')) as { sources: string[] }
      for (const source of sources) expect(files).toContain(join(dirname(name), source))
    }
  })
})
