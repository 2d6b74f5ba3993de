import { spawn } from 'node:child_process'
import { hostname } from 'node:os'
import { PostgreSqlContainer } from '@testcontainers/postgresql'
import { getContainerRuntimeClient } from 'testcontainers'
import { isAlive } from '../../../src/embedded/leftovers.ts'
import { TEST_SETTINGS, wantedMajor, type TestServer } from './server.ts'

type Docker = Awaited<ReturnType<typeof getContainerRuntimeClient>>['container']['dockerode']

/** The label that says which run on which machine a container belongs to: pid@host. */
const OWNER_LABEL = 'kysely-unship.test-run'
const owner = `${process.pid}@${hostname()}`

/** A container of the official image, started by Testcontainers. */
export async function startDocker(): Promise<TestServer> {
  const docker = (await getContainerRuntimeClient()).container.dockerode
  if (process.env.TESTCONTAINERS_RYUK_DISABLED === 'true') await removeLeftovers(docker)
  const image = `postgres:${wantedMajor() ?? 17}-alpine`
  const container = await new PostgreSqlContainer(image)
    .withLabels({ [OWNER_LABEL]: owner })
    .withEnvironment({ POSTGRES_INITDB_ARGS: '--no-sync' })
    .withTmpFs({ '/var/lib/postgresql/data': 'rw' })
    .withCommand(['postgres', ...Object.entries(TEST_SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])])
    .start()
  const unguard = guard(container.getId())
  return {
    url: container.getConnectionUri(),
    description: `Testcontainers, ${image}`,
    async stop() {
      await container.stop({ removeVolumes: true })
      unguard()
    },
  }
}

/** Without Ryuk, Testcontainers' own reaper, a killed run leaves its container behind. */
async function removeLeftovers(docker: Docker): Promise<void> {
  for (const info of await docker.listContainers({ all: true, filters: { label: [OWNER_LABEL] } })) {
    const [pid, host] = info.Labels[OWNER_LABEL]?.split('@') ?? []
    if (host !== hostname() || isAlive(Number(pid))) continue
    await docker
      .getContainer(info.Id)
      .remove({ force: true, v: true })
      .catch(() => undefined) // another run removes it as well
  }
}

/** Removes the container when this process ends without stopping it. */
function guard(id: string): () => void {
  if (process.platform === 'win32') return () => undefined
  const script = 'while kill -0 "$0" 2>/dev/null; do sleep 1; done; docker rm -fv "$1"'
  const watcher = spawn('sh', ['-c', script, String(process.pid), id], { detached: true, stdio: 'ignore' })
  watcher.unref()
  return () => watcher.kill()
}
