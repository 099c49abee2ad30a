import type { ProviderAccount } from '../setup/openid-provider.js'

export const CLIENT_ID = 'hoop'
export const SCOPES = ['openid', 'email', 'profile', 'groups', 'offline_access']
export const CLAIMS = { name: 'email', groups: 'groups' }

export const ANN: ProviderAccount = {
  sub: 'u-1',
  email: 'ann@shop.example',
  name: 'Ann Example',
  groups: ['engineers', 'on-call'],
  password: 'correct horse',
}
