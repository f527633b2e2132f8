// The steps of journeys/order.py, as the peer's authors write them.
import { expect, journey, step } from '@elastic/synthetics';

journey('order', ({ page, context, params }) => {
  const note = `bench-${Date.now()}`;

  step('sign in', async () => {
    await page.goto(`${params.shop}/login?next=/`);
    await page.getByLabel('Email').fill('probe@example.com');
    await page.getByLabel('Password').fill(params.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
  });

  step('fill the basket', async () => {
    await page.goto(`${params.shop}/products/demo-1`);
    await expect(page.getByRole('button', { name: 'Add to basket' })).toBeVisible();
    await page.getByLabel('Quantity').selectOption('2');
    await page.getByRole('button', { name: 'Add to basket' }).click();
    await expect(page.getByRole('status')).toContainText('is in your basket');
  });

  step('check out', async () => {
    await page.getByRole('link', { name: 'Basket' }).click();
    await page.getByRole('link', { name: 'Go to checkout' }).click();
    await expect(page.getByRole('heading', { name: 'Checkout' })).toBeVisible();
  });

  step('place the order', async () => {
    await page.getByLabel('Note').fill(note);
    await page.getByRole('button', { name: 'Buy' }).click();
    await expect(page.getByText('Thank you!')).toBeVisible();
  });

  step('cancel the order', async () => {
    await context.request.delete(`${params.shop}/api/orders/${note}`);
  });
});
