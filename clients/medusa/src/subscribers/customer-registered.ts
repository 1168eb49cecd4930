/** `customer.created`, if the customer has an account; guests who order have none. */

import { type Heard, load, report, subscribed } from "./shop";

export default async function millpondCustomerRegistered(heard: Heard): Promise<void> {
  const customer = await load(heard, "customer", ["id", "has_account", "created_at"]);
  if (!customer?.has_account) return;
  await report(heard, {
    name: "customer_registered",
    once: [customer.id],
    at: customer.created_at,
    actor: customer.id,
  });
}

export const config = subscribed("customer-registered", "customer.created");
