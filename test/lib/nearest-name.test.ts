import { expect, test } from 'vitest'
import { nearestName } from '../../src/lib/nearest-name.js'

const NAMES = ['shop', 'prod-db', 'analytics', 'staging-db']

function check(typed: string, nearest: string | undefined): void {
  expect(nearestName(typed, NAMES), typed).toBe(nearest)
}

test('a slip of the hand finds the name that was meant', () => {
  check('shpo', 'shop')
  check('hsop', 'shop')
  check('shopp', 'shop')
  check('SHOP', 'shop')
  check('prod_db', 'prod-db')
  check('pord-db', 'prod-db')
  check('analitycs', 'analytics')
})

test('what is far from every name finds none', () => {
  check('x', undefined)
  check('sohp2', undefined)
  check('kubernetes', undefined)
  check('a'.repeat(1_000), undefined)
})
