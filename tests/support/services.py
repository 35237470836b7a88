#!/usr/bin/python3
"""The three services that the programs replace, as they were written with aio-pika: for the tests of a mixed workflow.

services.py place       reads an order from each line, publishes OrderPlaced, prints {order_id, status}
services.py inventory   takes OrderPlaced, publishes InventoryReserved or InventoryFailed
services.py notify      takes InventoryReserved, prints "Order confirmed: ORDER_ID"

Each declares what it uses, sets the plainest properties, publishes events that have no more than the next one needs, and
forgets everything when it ends. The last two run until they are killed.
"""

import asyncio
import json
import os
import sys
import uuid
from datetime import datetime, timezone

import aio_pika

MAX_QTY = 5


def event(event_type, order_id, **members):
    return {"event_type": event_type, "order_id": order_id, **members, "ts": datetime.now(timezone.utc).isoformat()}


async def exchange(channel, name):
    return await channel.declare_exchange(name, aio_pika.ExchangeType.DIRECT, durable=True)


async def queue(channel, name, exchange_name, key, arguments=None):
    declared = await channel.declare_queue(name, durable=True, arguments=arguments)
    await declared.bind(await exchange(channel, exchange_name), key)
    return declared


async def publish(to, key, body):
    message = aio_pika.Message(
        json.dumps(body).encode(),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    await to.publish(message, routing_key=key)


async def place(channel):
    orders = await exchange(channel, "orders-ex")
    for line in sys.stdin:
        order = json.loads(line)
        order_id = str(uuid.uuid4())
        placed = event(
            "OrderPlaced",
            order_id,
            user_id=order["user_id"],
            restaurant_id=order["restaurant_id"],
            items=order["items"],
        )
        await publish(orders, "order.placed", placed)
        print(json.dumps({"order_id": order_id, "status": "PLACED"}), flush=True)


async def inventory(channel):
    outcomes = await exchange(channel, "inventory-ex")
    await queue(channel, "order.placed.dlq", "orders-dlx", "order.placed.dlq")
    await queue(channel, "inventory.reserved.q", "inventory-ex", "inventory.reserved")
    await queue(channel, "inventory.failed.q", "inventory-ex", "inventory.failed")
    dead = {"x-dead-letter-exchange": "orders-dlx", "x-dead-letter-routing-key": "order.placed.dlq"}
    placed = await queue(channel, "order.placed.q", "orders-ex", "order.placed", dead)

    async def reserve(delivery):
        async with delivery.process(requeue=False):
            order = json.loads(delivery.body)
            order_id = order["order_id"]
            user_id = order["user_id"]
            if all(item["qty"] <= MAX_QTY for item in order["items"]):
                reserved = event("InventoryReserved", order_id, user_id=user_id)
                await publish(outcomes, "inventory.reserved", reserved)
            else:
                failed = event("InventoryFailed", order_id, reason="insufficient stock")
                await publish(outcomes, "inventory.failed", failed)

    await placed.consume(reserve)
    await asyncio.Future()


async def notify(channel):
    reserved = await queue(channel, "inventory.reserved.q", "inventory-ex", "inventory.reserved")

    async def tell(delivery):
        async with delivery.process():
            print("Order confirmed:", json.loads(delivery.body)["order_id"], flush=True)

    await reserved.consume(tell)
    await asyncio.Future()


async def main(job):
    connection = await aio_pika.connect(os.environ["AMQP_URL"])
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=10)
        await {"place": place, "inventory": inventory, "notify": notify}[job](channel)


asyncio.run(main(*sys.argv[1:]))
