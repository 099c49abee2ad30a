import { makeProviderFetch } from '../../src/identity/provider-fetch.js'

const STEPS_MAX = 12

/** Where a provider is, and the authority of its certificate when it speaks TLS. */
export interface BrowsedProvider {
  readonly issuer: string
  readonly caFile: string | undefined
}

interface Page {
  readonly url: string
  readonly status: number
  readonly text: string
}

/** Plays a person who opens the address, sees the code, confirms it and signs in. Resolves when the provider says so. */
export async function approveDeviceCode(
  provider: BrowsedProvider,
  userCode: string,
  account: { readonly email: string; readonly password: string },
): Promise<void> {
  const browser = new Browser(provider)
  const confirm = await openConfirmation(browser, provider, userCode)
  const login = await browser.submit(confirm, {})
  const last = login.text.includes('name="password"')
    ? await browser.submit(login, { email: account.email, password: account.password })
    : login
  if (!last.text.includes('Signed in')) throw new Error(`the provider did not sign in: ${summary(last)}`)
}

/** Plays a person who opens the address and presses "Cancel". */
export async function denyDeviceCode(provider: BrowsedProvider, userCode: string): Promise<void> {
  const browser = new Browser(provider)
  await browser.submit(await openConfirmation(browser, provider, userCode), { abort: 'yes' })
}

async function openConfirmation(
  browser: Browser,
  provider: BrowsedProvider,
  userCode: string,
): Promise<Page> {
  const form = await browser.open(`${provider.issuer}/device`)
  const confirm = await browser.submit(form, { user_code: userCode })
  if (!confirm.text.includes('op.deviceConfirmForm')) {
    throw new Error(`the provider did not take the code: ${summary(confirm)}`)
  }
  return confirm
}

/** As much of a browser as forms need: cookies, redirects, hidden fields. */
class Browser {
  readonly #cookies = new Map<string, string>()
  readonly #fetch: ReturnType<typeof makeProviderFetch>

  constructor(provider: BrowsedProvider) {
    this.#fetch = makeProviderFetch({ caFile: provider.caFile })
  }

  async open(url: string, body?: URLSearchParams): Promise<Page> {
    let next = { url, body }
    for (let step = 0; step < STEPS_MAX; step += 1) {
      const answer = await this.#fetch(next.url, {
        method: next.body === undefined ? 'GET' : 'POST',
        headers: {
          cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          ...(next.body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        body: next.body,
      })
      this.#keepCookies(answer)
      const location = answer.headers.get('location')
      if (location === null) return { url: next.url, status: answer.status, text: await answer.text() }
      next = { url: new URL(location, next.url).href, body: undefined }
    }
    throw new Error('the provider redirects without end')
  }

  async submit(from: Page, fields: Readonly<Record<string, string>>): Promise<Page> {
    const action = /<form[^>]* action="([^"]+)"/.exec(from.text)?.[1]
    if (action === undefined) throw new Error(`a page without a form: ${summary(from)}`)
    const body = new URLSearchParams()
    for (const input of from.text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      const name = /name="([^"]*)"/.exec(input[0])?.[1]
      if (name !== undefined) body.set(name, /value="([^"]*)"/.exec(input[0])?.[1] ?? '')
    }
    for (const [name, value] of Object.entries(fields)) body.set(name, value)
    return this.open(new URL(action.replaceAll('&amp;', '&'), from.url).href, body)
  }

  #keepCookies(answer: Response): void {
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';')
      const [name = '', ...value] = pair.split('=')
      this.#cookies.set(name.trim(), value.join('='))
    }
  }
}

function summary(page: Page): string {
  return `${page.status} at ${page.url}: ${page.text.replace(/<style>[\s\S]*?<\/style>|<[^>]+>|\s+/g, ' ').slice(0, 300)}`
}
