/** `customer.created`, if the customer has an account; guests with an order have none. */

import { type SubscriberArguments, load, report, subscriberConfig } from "./shop";

export default async function millpondCustomerRegistered(args: SubscriberArguments): Promise<void> {
  const customer = await load(args, "customer", ["id", "has_account", "created_at"]);
  if (!customer?.has_account) return;
  await report(args, {
    name: "customer_registered",
    occurrence: [customer.id],
    at: customer.created_at,
    actor: customer.id,
  });
}

export const config = subscriberConfig("customer-registered", "customer.created");
