import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../support/kysely-ctl.ts'

const exec = promisify(execFile)

/** Packs what is built, as npm publishes it, into a folder. */
export async function pack(folder: string): Promise<string> {
  const { stdout } = await exec('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: ROOT,
  })
  const [packed] = JSON.parse(stdout) as { filename: string }[]
  return join(folder, packed?.filename ?? '')
}

/** A project elsewhere that has the packed tarball where npm would install it, and our copies of what it depends on. */
export async function installedProject(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'unship-'))
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, '.bin'), { recursive: true })
  for (const name of await readdir(join(ROOT, 'node_modules')))
    if (!name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  await exec('tar', ['xzf', await pack(folder)], { cwd: folder })
  await rename(join(folder, 'package'), join(modules, 'kysely-unship'))
  const { bin } = JSON.parse(await readFile(join(modules, 'kysely-unship', 'package.json'), 'utf8')) as {
    bin: { unship: string }
  }
  const main = join(modules, 'kysely-unship', bin.unship)
  await chmod(main, 0o755) // as npm does
  await symlink(main, join(modules, '.bin', 'unship'))
  await symlink(join(modules, 'kysely-ctl', 'dist', 'bin.mjs'), join(modules, '.bin', 'kysely'))
  const all = { 'package.json': '{ "name": "app", "private": true, "type": "module" }', ...files }
  for (const [name, text] of Object.entries(all)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}
