import { expect, test } from 'vitest'
import { renderGrants } from '../../src/client/grants-table.js'
import type { GrantView } from '../../src/domain/api.js'

const NOW = new Date('2026-03-10T12:00:00Z')
const GRANT: GrantView = {
  id: 'g-1',
  principal: 'ada@example.com',
  connection: 'shop',
  role: 'writer',
  rule: 'writers',
  grantedAt: '2026-03-10T11:30:00Z',
  until: '2026-03-10T12:30:00Z',
}

test('grants are listed with what they took and how long they last', () => {
  const grants: readonly GrantView[] = [
    { ...GRANT, review: 'r-1', reason: 'ticket\u001b[2J' },
    { ...GRANT, id: 'g-2', breakGlass: true },
    { ...GRANT, id: 'g-3', revokedAt: '2026-03-10T11:40:00Z' },
    { ...GRANT, id: 'g-4', until: '2026-03-10T11:45:00Z' },
  ]
  expect(renderGrants(grants, { now: NOW, withPrincipal: false }).split('\n')).toEqual([
    'ID   CONNECTION  ROLE    STATE     GIVEN BY               REASON',
    'g-1  shop        writer  30m left  writers, r-1           ticket⟨ESC⟩[2J',
    'g-2  shop        writer  30m left  writers, glass broken  ',
    'g-3  shop        writer  revoked   writers                ',
    'g-4  shop        writer  expired   writers                ',
  ])
})

test('everybody’s grants say whose they are', () => {
  expect(renderGrants([GRANT], { now: NOW, withPrincipal: true })).toContain('g-1  ada@example.com  shop')
})
