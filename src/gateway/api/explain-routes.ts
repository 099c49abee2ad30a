import type { Hono } from 'hono'
import { explainStatement } from '../explain/explain-statement.js'
import type { ApiDeps, ApiVariables } from './api.js'
import { explainRequestShape, readBody } from './read-body.js'

/** The route that says what would become of a statement, on a grant of one's own. */
export function addExplainRoutes(api: Hono<ApiVariables>, deps: ApiDeps): void {
  api.post('/v1/grants/:id/explain', async context => {
    const request = await readBody(context, explainRequestShape)
    const asking = { principal: context.var.principal, address: context.env.address }
    // Explained with what sessions are judged with: the same rules, facts and catalogs.
    const explain = { ...deps.sessions.deps, catalogs: deps.sessions }
    return context.json(
      await explainStatement(explain, asking, { ...request, grant: context.req.param('id') }),
    )
  })
}
