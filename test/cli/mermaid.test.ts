import { describe, expect, test } from 'vitest'
import { mermaid } from '../../src/cli/render/mermaid.ts'
import type { ReviewUnit } from '../../src/plan/review/review-objects.ts'

const unit = (name: string, kind: string, more: Partial<ReviewUnit> = {}): ReviewUnit => ({
  ...{ name, kind, columns: [], parts: [] },
  ...more,
})

describe('the graph of a plan', () => {
  test('has a box for each kind, in removal order, and arrows', () => {
    const units = [
      unit('v', 'view'),
      unit('t', 'table', {
        parts: [
          { kind: 'index', count: 2 },
          { kind: 'policy', count: 1 },
        ],
      }),
      unit('h', 'columns', { columns: ['a', 'b'] }),
    ]
    const dependencies = [
      { from: 'v', to: 't', how: 'depends on' },
      { from: 'v', to: 'h', how: 'mentions' },
    ] as const
    expect(mermaid({ units, dependencies })).toMatchInlineSnapshot(`
      "flowchart TD
        subgraph g0["1. views"]
          n0["v"]
        end
        subgraph g1["2. tables, renamed"]
          n1["t<br/>with 2 indexes, 1 policy"]
        end
        subgraph g2["3. columns of tables that stay"]
          n2["h<br/>a<br/>b"]
        end
        n0 --> n1
        n0 -.-> n2
        g0 ~~~ g1
        g1 ~~~ g2"
    `)
  })

  test('names may hold what Mermaid reads as syntax', () => {
    const graph = mermaid({ units: [unit('f("a<b>", `c` #1; & d)', 'function')], dependencies: [] })
    expect(graph).toContain('n0["f(#quot;a#lt;b#gt;#quot;, #96;c#96; #35;1; #amp; d)"]')
  })

  test('many of a kind stand below each other, for they would be too small abreast', () => {
    const units = (count: number) => Array.from({ length: count }, (_, n) => unit(`o${n}`, n < 3 ? 'view' : 'table'))
    expect(mermaid({ units: units(11), dependencies: [] })).toMatch(/^flowchart TD\n/)
    expect(mermaid({ units: units(40), dependencies: [] })).toMatch(/^flowchart LR\n/)
  })

  test('foreign keys among moved tables are left out, for a chain of them would be as wide as it is long', () => {
    const graph = mermaid({
      units: [unit('v', 'view'), unit('a', 'table'), unit('b', 'table'), unit('h', 'columns')],
      dependencies: [
        { from: 'v', to: 'a', how: 'depends on' },
        { from: 'a', to: 'b', how: 'depends on' },
        { from: 'a', to: 'h', how: 'depends on' },
      ],
    })
    expect(graph.split('\n').filter((line) => line.includes('-->'))).toEqual(['  n0 --> n1', '  n1 --> n3'])
  })

  test('with more than 40 units, a kind is one node', () => {
    const units = Array.from({ length: 41 }, (_, n) => unit(`o${n}`, n < 20 ? 'view' : 'table'))
    const graph = mermaid({ units, dependencies: [{ from: 'o0', to: 'o40', how: 'depends on' }] })
    expect(graph.split('\n')).toHaveLength(9)
    expect(graph).toContain('and 13 more')
    expect(graph).toContain('k0 --> k1')
  })
})
