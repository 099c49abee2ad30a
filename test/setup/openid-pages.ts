/** The few pages of the provider that runs in tests and the demo. Plain HTML: a person and a script can both use them. */

/** A page around a body of HTML. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem; color: #1c2330 }
  h1 { font-size: 1.4rem }
  input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; margin: .25rem 0 1rem }
  button { font: inherit; padding: .5rem 1rem; margin-right: .5rem }
  code { background: #eef1f6; padding: .1rem .35rem }
  .note { color: #5a6472; font-size: .9rem }
  .error { color: #a4161a }
</style>
<h1>${escapeHtml(title)}</h1>
${body}
</html>`
}

/** Asks for the code that the terminal shows. */
export function codePage(form: string, error: string | undefined): string {
  const note = error === undefined ? '' : `<p class="error">${escapeHtml(error)}</p>`
  const button = '<button type="submit" form="op.deviceInputForm">Continue</button>'
  return page('Sign in a device', `<p>Enter the code that your terminal shows.</p>${note}${form}${button}`)
}

/** Asks whether the code on the page is the one in the terminal: the defence against somebody else's code. */
export function confirmPage(form: string, userCode: string, clientId: string): string {
  return page(
    'Is this your code?',
    `<p><code>${escapeHtml(userCode)}</code></p>
<p>It signs in <b>${escapeHtml(clientId)}</b>. Continue only if your own terminal shows this very code.</p>
${form}
<button type="submit" form="op.deviceConfirmForm" autofocus>Continue</button>
<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">Cancel</button>`,
  )
}

/** Asks who somebody is. */
export function loginPage(options: {
  readonly action: string
  readonly clientId: string
  readonly accounts: readonly { readonly email: string; readonly groups: readonly string[] }[]
  readonly error?: string
}): string {
  const known = options.accounts
    .map(
      account =>
        `<li><code>${escapeHtml(account.email)}</code> ${escapeHtml(account.groups.join(', '))}</li>`,
    )
    .join('')
  const error = options.error === undefined ? '' : `<p class="error">${escapeHtml(options.error)}</p>`
  return page(
    'Sign in',
    `<p>to continue to <b>${escapeHtml(options.clientId)}</b></p>${error}
<form method="post" action="${escapeHtml(options.action)}">
<label>E-mail <input name="email" type="email" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button type="submit">Sign in</button>
</form>
<p class="note">This provider is for tests and demonstrations. It knows:</p><ul class="note">${known}</ul>`,
  )
}

/** Text as HTML, also between double quotes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
