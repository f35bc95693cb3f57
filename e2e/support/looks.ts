// How a page looks, in every width and scheme.
import AxeBuilder from '@axe-core/playwright'
import { type Page, expect } from '@playwright/test'

/** Looks at a page in every width and scheme, without loading it anew. */
export async function expectGood(page: Page): Promise<void> {
  for (const width of [1280, 390]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 844 })
      await page.emulateMedia({ colorScheme })
      // the scheme changes under the page: its colours are judged when they have settled
      await page.waitForTimeout(400)
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
      expect(content, 'the page scrolls sideways').toBeLessThanOrEqual(window!)
      const { violations } = await new AxeBuilder({ page }).analyze()
      const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html) }))
      expect(found, `${page.url()} ${width} ${colorScheme}`).toEqual([])
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}
