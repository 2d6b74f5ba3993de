import { styleText } from 'node:util'
import { reviewRemoval } from 'kysely-unship'
import { describe, expect, test } from 'vitest'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { folded } from '../../src/cli/fold.ts'
import { removalAsText } from '../../src/cli/render/plan-text.ts'
import { statusAsText } from '../../src/cli/render/status.ts'
import { useSharedDatabase } from '../support/database.ts'

const style = { bold: (text: string) => text, dim: (text: string) => text }

describe('on a narrow terminal', () => {
  const database = useSharedDatabase({ template: 'demo' })

  test('text goes on below its own cell, and below the one before where that has no room', () => {
    expect(folded('  name  phase     begins to log the keys of rows', 50)).toBe(
      '  name  phase     begins to log the keys of rows',
    )
    expect(folded('  name  phase     begins to log the keys of rows', 48)).toBe(
      '  name  phase     begins to log the keys of rows',
    )
    expect(folded('  name  begins to log the keys of rows  ACCESS EXCLUSIVE on contacts, subscriptions', 42)).toBe(
      ['  name  begins to log the keys of rows', '        ACCESS EXCLUSIVE on contacts,', '        subscriptions'].join(
        '\n',
      ),
    )
    expect(folded('- a hazard of many words that needs a second line', 40)).toBe(
      '- a hazard of many words that needs a\n  second line',
    )
  })

  test('colours take no room, and a word that is too long stays whole', () => {
    const dimmed = styleText('dim', 'twenty characters ok', { validateStream: false })
    expect(folded(dimmed, 20)).toBe(dimmed)
    const word = 'x'.repeat(50)
    expect(folded(`one ${word} two`, 40)).toBe(`one\n  ${word}\n  two`)
  })

  test.each([60, 80, 100])(
    'a plan is not torn at %i columns, and shows something of each statement',
    async (columns) => {
      const review = await reviewRemoval(database().db, programPartner)
      if (review.direction !== 'removal') throw new Error('there is nothing to remove')
      const lines = folded(removalAsText(review, { ...style, columns }), columns).split('\n')
      expect(lines.filter((line) => line.length > columns && line.trim().includes(' '))).toEqual([])
      const heading = lines.find((line) => line.startsWith('   #  phase')) ?? ''
      expect(heading.includes('lock')).toBe(columns > 80)
      expect(columns - heading.indexOf('statement')).toBeGreaterThanOrEqual(columns === 60 ? 25 : 40)
    },
  )

  test('the heading of what is kept is cut like its lines', () => {
    const kept = { run: '1', feature: 'f', name: { schema: 'public', name: 'b' }, table: 'b'.repeat(60), of: 'table t' }
    const facts = {
      kind: 'backup',
      needed: true,
      keepUntil: null,
      unplaced: 0,
      rows: 1,
      bytes: 1,
      unlogged: false,
    } as const
    const status = {
      feature: 'f',
      state: 'removed',
      phase: null,
      abortable: false,
      active: null,
      present: null,
      run: null,
      damaged: null,
    } as const
    const text = statusAsText([{ ...status, archived: null, purged: null, kept: [{ ...kept, ...facts }] }], {
      ...style,
      columns: 60,
    })
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBe(60)
  })
})
