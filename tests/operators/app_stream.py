"""The messages that the App receives from an operator."""

import asyncio


def app_messages(dataset, operator: str, params: dict, **more) -> list[tuple[str, dict]]:
    """``(name, params)`` of each message that an immediate run of a generator streams, last ``("raised", text)``."""

    async def run():
        from fiftyone.operators.executor import execute_or_delegate_operator

        request = {"dataset_name": dataset.name, "params": params, **more}
        result = await execute_or_delegate_operator(f"@constellation/clusters/{operator}", request)
        messages = []
        try:
            for message in result.result:
                messages.append((message.body.operator_uri, message.body.params))
        except Exception as error:
            messages.append(("raised", str(error)))
        return messages

    return asyncio.run(run())
