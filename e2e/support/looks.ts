// How a page looks, in every width and scheme.
import AxeBuilder from '@axe-core/playwright'
import { type Page, expect } from '@playwright/test'

const looks = [1280, 390].flatMap((width) => (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })))

/** Looks at a page in every width and scheme, without loading it anew. `seen` is told of each. */
export async function expectGood(page: Page, seen?: (name: string) => Promise<void>): Promise<void> {
  for (const { width, colorScheme } of looks) {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 800 })
    // nothing moves, so the colours of a scheme are there at once
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
    expect(content, 'the page scrolls sideways').toBeLessThanOrEqual(window!)
    const axe = new AxeBuilder({ page })
    // a scheme changes colours and nothing else
    const { violations } = await (colorScheme === 'light' ? axe : axe.withRules(['color-contrast'])).analyze()
    const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html) }))
    expect(found, `${page.url()} ${width} ${colorScheme}`).toEqual([])
    await seen?.(`${width}-${colorScheme}`)
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}
