import nats.errors


class Error(nats.errors.Error):
    pass


class APIError(Error):
    def __init__(self, code=None, description=None, err_code=None):
        super().__init__(f"code={code} err_code={err_code} description={description!r}")
        self.code, self.description, self.err_code = code, description, err_code


class NoStreamResponseError(Error):
    pass
